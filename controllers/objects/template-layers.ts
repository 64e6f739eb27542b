import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import type { DesiredLayer, Sha256 } from '../../src/host/protocol.ts';
import { errorOf } from '../obstacles/obstacle.ts';
import { templateObstacles } from '../obstacles/templates.ts';

/** A file that hosts store under its digest. */
export type Layer = readonly [Sha256, DesiredLayer];

/** The files of a template: its disk, and the kernel and initrd that the hypervisor starts directly. */
export interface TemplateLayers {
  readonly disk: Layer;
  readonly boot: readonly Layer[];
}

/** @throws StalledError NotSupportedYet for a template that has no image of its own */
export function layersOf(template: Template): TemplateLayers {
  const { image } = template.spec.source;
  const of = keyOf(template);
  if (image === undefined) throw errorOf(templateObstacles.noImage(of));
  const { kernel, initrd } = template.spec.guest.boot ?? {};
  const layer = (kind: DesiredLayer['kind'], { url, sha256 }: { url: string; sha256: string }): Layer => [
    sha256,
    { kind, url, template: of },
  ];
  return {
    disk: layer('disk', image),
    boot: [kernel, initrd].flatMap((file) => (file === undefined ? [] : [layer('boot', file)])),
  };
}

/** Every digest of a template's files; none for one that has no image. */
export function digestsOf({ spec }: Template): Sha256[] {
  const { kernel, initrd } = spec.guest.boot ?? {};
  return [spec.source.image, kernel, initrd].flatMap((file) => (file === undefined ? [] : [file.sha256]));
}
