import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import type { LayerIdentity } from '../../src/host/protocol.ts';
import { parentKey } from './template-references.ts';

/**
 * The layers that a template's disks stand on, the root's first. They follow from the objects alone: what hosts say of their layers
 * would let one of them have any layer shared.
 * @param find by namespace/name
 */
export function layersBelow(
  template: Template,
  find: (key: string) => Template | undefined,
): readonly LayerIdentity[] {
  const seen = new Set([keyOf(template)]);
  const found: LayerIdentity[] = [];
  for (let key = parentKey(template); key !== null && !seen.has(key); ) {
    seen.add(key);
    const parent = find(key);
    if (parent === undefined) break;
    const { disk, data } = parent.status?.layers ?? {};
    found.unshift(...[disk, data].filter((one) => one !== undefined));
    key = parentKey(parent);
  }
  return found;
}
