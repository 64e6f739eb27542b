import type { Template } from '../../src/api/kinds.ts';
import { describeBytes } from '../../src/domain/quantity.ts';
import type { LayerStatus } from '../../src/host/protocol.ts';
import type { OperatorContext } from '../context.ts';
import { templateEvents } from '../obstacles/templates.ts';
import { unusedOf } from './release.ts';

interface Space {
  readonly hosts: number;
  readonly bytes: number;
}

/**
 * How much room templates give back that are being deleted. In memory, since hosts tell only of what is still there: an operator that
 * starts in between tells of the rest alone.
 */
export class SpaceGiven {
  /** By uid, the most that was found. */
  readonly #found = new Map<string, Space>();

  /** To be called before the hosts are asked to delete anything. */
  note(context: OperatorContext, template: Template): void {
    const { uid = '' } = template.metadata;
    const { layers } = unusedOf(context, template);
    // A file in a shared directory is there once.
    const counted = new Set<string>();
    const bytesOf = ({ identity, shared, storedBytes = 0 }: LayerStatus) => {
      const file = `${shared}/${identity}`;
      if (shared !== undefined && counted.has(file)) return 0;
      counted.add(file);
      return storedBytes;
    };
    const sizes = context.views
      .list()
      .map((view) => layers.flatMap((identity) => view.layers.get(identity) ?? []).map(bytesOf))
      .map((bytes) => bytes.reduce((sum, each) => sum + each, 0))
      .filter((bytes) => bytes > 0);
    const space = { hosts: sizes.length, bytes: sizes.reduce((sum, each) => sum + each, 0) };
    if (space.bytes > (this.#found.get(uid)?.bytes ?? 0)) this.#found.set(uid, space);
  }

  /** The template is gone, with its files. */
  tell({ recorder }: Pick<OperatorContext, 'recorder'>, template: Template): void {
    const { uid = '' } = template.metadata;
    const space = this.#found.get(uid);
    this.#found.delete(uid);
    if (space === undefined) return;
    const said = templateEvents.spaceFreed(space.hosts, describeBytes(space.bytes));
    recorder.record(template, { type: 'Normal', ...said });
  }
}
