import { hostErrors } from '../errors/index.ts';
import { Lineage } from './content/lineage.ts';
import type { Manifest } from './content/manifest.ts';
import type { FinishedFile } from './sealing.ts';
import type { StoredLayer } from './stored-layer.ts';

/** The layers of a host by their names, and how they stand on each other. */
export class LayerStacks extends Map<string, StoredLayer> {
  readonly #isGoing: (identity: string) => boolean;
  /** By what they stand on. */
  readonly #children = new Map<string, Set<string>>();

  /** @param isGoing whether a layer is being deleted */
  constructor(isGoing: (identity: string) => boolean) {
    super();
    this.#isGoing = isGoing;
  }

  override set(identity: string, layer: StoredLayer): this {
    const { parent } = layer.record;
    const siblings = this.#children.get(parent ?? '') ?? new Set();
    if (parent !== undefined) this.#children.set(parent, siblings.add(identity));
    return super.set(identity, layer);
  }

  override delete(identity: string): boolean {
    const { parent = '' } = this.get(identity)?.record ?? {};
    const siblings = this.#children.get(parent);
    siblings?.delete(identity);
    if (siblings?.size === 0) this.#children.delete(parent);
    return super.delete(identity);
  }

  /** The layer, if it is here and as sound as all that it stands on. */
  sound(identity: string): StoredLayer | undefined {
    const layer = this.get(identity);
    if (layer === undefined || layer.problem !== undefined || this.#isGoing(identity)) return undefined;
    const { parent } = layer.record;
    return parent === undefined || this.sound(parent) !== undefined ? layer : undefined;
  }

  /** The files of a layer and of those below it, the root's last. @throws HostError LayerMissing unless all are sound */
  chain(identity: string): readonly string[] {
    const layer = this.sound(identity);
    if (layer === undefined) throw hostErrors.layerNotHere(identity);
    const { parent } = layer.record;
    return [layer.filePath, ...(parent === undefined ? [] : this.chain(parent))];
  }

  /** A layer with all that it stands on. @throws HostError LayerMissing */
  async lineage(identity: string): Promise<Lineage> {
    const manifests: Manifest[] = [];
    for (let at: string | undefined = identity; at !== undefined; ) {
      const layer = this.get(at);
      if (layer === undefined) throw hostErrors.layerNotHere(at);
      manifests.push(await layer.manifest());
      at = layer.record.parent;
    }
    return new Lineage(manifests);
  }

  /** What a file on that layer is a difference to; nothing for a file that stands alone. */
  async below(parent: string | undefined): Promise<Pick<FinishedFile, 'parent'>> {
    return parent === undefined ? {} : { parent: { identity: parent, lineage: await this.lineage(parent) } };
  }

  /** The names of the layers that stand on this one. */
  childrenOf(identity: string): readonly string[] {
    return [...(this.#children.get(identity) ?? [])];
  }
}
