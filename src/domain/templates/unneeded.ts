/** A layer on a host, as the host says it. */
export interface LayerOnHost {
  readonly identity: string;
  /** What it is a difference to. */
  readonly parent?: string | undefined;
  /** Whether an appliance there uses it, by the host's own account. */
  readonly isHeld: boolean;
}

/**
 * The layers of a host that nothing needs there, each before what it stands on: so they can be deleted one after the other. A layer
 * that is needed needs all that it stands on.
 * @param isWanted whether a template, or an appliance that is to be there, needs the layer on this host
 */
export function unneededLayers(
  layers: readonly LayerOnHost[],
  isWanted: (identity: string) => boolean,
): readonly string[] {
  const byIdentity = new Map(layers.map((layer) => [layer.identity, layer]));
  const needed = new Set<string>();
  for (const { identity, isHeld } of layers) {
    if (isHeld || isWanted(identity)) for (const one of lineageOf(identity, byIdentity)) needed.add(one);
  }
  const unneeded = layers.filter(({ identity }) => !needed.has(identity));
  const depth = new Map(
    unneeded.map(({ identity }) => [identity, lineageOf(identity, byIdentity).length] as const),
  );
  const depthOf = (identity: string) => depth.get(identity) ?? 0;
  return unneeded.map(({ identity }) => identity).sort((a, b) => depthOf(b) - depthOf(a) || (a < b ? -1 : 1));
}

/** The layer and all that it stands on, as far as the layers are known. */
export function lineageOf(
  identity: string,
  layers: ReadonlyMap<string, Pick<LayerOnHost, 'parent'>>,
): readonly string[] {
  const lineage = [identity];
  for (let at = layers.get(identity)?.parent; at !== undefined; at = layers.get(at)?.parent) {
    if (lineage.includes(at)) break;
    lineage.push(at);
  }
  return lineage;
}
