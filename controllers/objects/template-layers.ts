import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import type { DesiredLayer, LayerKind, Sha256 } from '../../src/host/protocol.ts';
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
  const [disk, ...boot] = filesOf(template);
  if (disk?.[1].kind !== 'disk') throw errorOf(templateObstacles.noImage(keyOf(template)));
  return { disk, boot };
}

/** Every file of a template, its disk first; a template without an image has none. */
export function filesOf(template: Template): readonly Layer[] {
  const { kernel, initrd } = template.spec.guest.boot ?? {};
  const of = keyOf(template);
  const layers = (kind: LayerKind, files: readonly (Source | undefined)[]): readonly Layer[] =>
    files.flatMap((file) =>
      file === undefined ? [] : [[file.sha256, { kind, url: file.url, template: of }]],
    );
  return [...layers('disk', [template.spec.source.image]), ...layers('boot', [kernel, initrd])];
}

type Source = { readonly url: string; readonly sha256: Sha256 };

/** Every digest of a template's files; none for one that has no image. */
export function digestsOf(template: Template): Sha256[] {
  return [...new Set(filesOf(template).map(([sha256]) => sha256))];
}

/** How many more sources a host takes for a layer (`desiredLayerSchema`). */
export const MOST_OTHERS = 200;

/**
 * The layer with the sources that other templates name for the same file: a digest belongs to nobody, and whoever names a dead source
 * must not keep it from the others. No namespace has its second template in the list before each other has its first, so that nobody's
 * is left out because somebody has many.
 * @param templates all that name the digest
 */
export function withOtherSources([sha256, desired]: Layer, templates: readonly Template[]): Layer {
  const others = templates
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap((template) => filesOf(template))
    .filter(([digest, { kind, url, template }]) => {
      const isItself = url === desired.url && template === desired.template;
      return digest === sha256 && kind === desired.kind && !isItself;
    })
    .map(([, { url, template }]) => ({ url, template }))
    .sort((a, b) => (`${a.template} ${a.url}` < `${b.template} ${b.url}` ? -1 : 1));
  if (others.length === 0) return [sha256, desired];
  const byNamespace = Map.groupBy(others, ({ template }) => template.split('/', 1)[0]);
  const inTurn = [...byNamespace.values()]
    .flatMap((ofOne) => ofOne.map((source, turn) => ({ source, turn })))
    .sort((a, b) => a.turn - b.turn)
    .map(({ source }) => source);
  return [sha256, { ...desired, others: inTurn.slice(0, MOST_OTHERS) }];
}
