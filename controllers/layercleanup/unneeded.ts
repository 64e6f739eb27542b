import type { Host, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { surplusHosts } from '../../src/domain/templates/copies.ts';
import { unneededLayers } from '../../src/domain/templates/unneeded.ts';
import type { ImportKey, LayerIdentity, LayerStatus, SealStatus } from '../../src/host/protocol.ts';
import { copyHosts, type RankedHost } from '../daemons/copy-hosts.ts';
import { directoriesWith, isShared } from '../daemons/shared-directories.ts';
import { type HostView, importId } from '../daemons/view.ts';
import { isPending } from '../objects/appliance.ts';
import { countsOf } from '../objects/template-copies.ts';
import { filesOf, identitiesOf, layersOf } from '../objects/template-files.ts';
import { templateKeyOf } from '../objects/template-references.ts';
import { isFollowed, type LayersKnown, layersKnown } from './layers-known.ts';

/** All that there is at one moment. */
export interface Inventory {
  readonly templates: readonly Template[];
  readonly appliances: readonly VirtualAppliance[];
  readonly hosts: readonly Host[];
  readonly views: readonly HostView[];
  /** The hosts that copies may go to, in placement's order. */
  readonly ranked: readonly RankedHost[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What a host has and nothing needs there; of the layers each before what it stands on. */
export interface Unneeded {
  readonly host: string;
  /** uuids of seals: their templates are gone, and what they captured, or became, is nobody's. */
  readonly seals: readonly string[];
  readonly imports: readonly ImportKey[];
  readonly layers: readonly LayerIdentity[];
}

/** What each connected host has and nothing needs there: what no template refers to, and copies that are more than enough. */
export function unneededOn(inventory: Inventory): readonly Unneeded[] {
  const { templates, views } = inventory;
  const named = new Set(
    templates.flatMap((one) => [...filesOf(one).values()].map(({ key }) => importId(key))),
  );
  const uids = new Set(templates.map(({ metadata }) => metadata.uid));
  const known = layersKnown(templates, views);
  const isWanted = whoWants(inventory, known);
  return views.filter(isFollowed).map((view) => ({
    host: view.name,
    seals: [...view.seals.values()]
      .filter((one) => isAtRest(one) && !uids.has(one.uuid))
      .map(({ uuid }) => uuid),
    imports: [...view.imports.values()].filter((one) => !named.has(importId(one))),
    layers: unneededLayers(
      // A host that still fetches a layer does not know the layer's parent: it is taken from a host that has the layer.
      [...view.layers.values()].map((layer) => ({
        identity: layer.identity,
        parent: known.stored.get(layer.identity)?.parent,
        isHeld: isHeld(layer),
      })),
      (identity) => isWanted(view.name, identity),
    ),
  }));
}

/** Nothing is done for it now: it is done, or waits for a person, or for its next attempt. */
function isAtRest({ state, problem }: SealStatus): boolean {
  return state === 'Ready' || problem !== undefined;
}

/** Whether appliances stand on it; layers on it are another matter. */
function isHeld({ heldBy }: LayerStatus): boolean {
  return heldBy.some((holder) => !holder.startsWith('layer '));
}

function whoWants(
  inventory: Inventory,
  known: LayersKnown,
): (host: string, identity: LayerIdentity) => boolean {
  const grown = Map.groupBy(inventory.appliances, templateKeyOf);
  const bound = boundNeeds(grown, known);
  const ranks = new Map(inventory.ranked.map(({ view }, rank) => [view.name, rank]));
  const rankOf = (host: string) => ranks.get(host);
  const surplusBy = new Map<LayerIdentity, ReadonlySet<string>[]>();
  for (const template of inventory.templates) {
    const surplus = new Set(surplusOf(template, grown.get(keyOf(template)) ?? [], inventory, known, rankOf));
    for (const identity of known.of(template))
      surplusBy.set(identity, [...(surplusBy.get(identity) ?? []), surplus]);
  }
  const isAllKnown = known.isComplete(inventory.hosts);
  return (host, identity) => {
    if (bound.get(host)?.has(identity) === true) return true;
    const owners = surplusBy.get(identity);
    if (owners !== undefined) return owners.some((surplus) => !surplus.has(host));
    return !isAllKnown || known.referred.has(identity);
  };
}

/** By host, what the appliances that are bound there need, also before the host knows of them. */
function boundNeeds(
  grown: ReadonlyMap<string, readonly VirtualAppliance[]>,
  known: LayersKnown,
): ReadonlyMap<string, ReadonlySet<LayerIdentity>> {
  const needs = new Map<string, Set<LayerIdentity>>();
  for (const [template, appliances] of grown) {
    const layers = known.withAncestors(template);
    for (const host of new Set(appliances.flatMap(({ spec }) => spec.hostName ?? [])))
      needs.set(host, new Set([...(needs.get(host) ?? []), ...layers]));
  }
  return needs;
}

/**
 * The hosts whose copies are too many. Copies of a template that is deleted go with it; those of one whose appliances wait for hosts may
 * be needed anywhere, and from those of one that a host is fetching it may be fetched. What a shared directory has takes no room on a host
 * that uses it: then all other copies are too many, and no use of the directory is.
 * @param rankOf the place of a host in placement's order; undefined for one that takes no appliances
 */
function surplusOf(
  template: Template,
  grown: readonly VirtualAppliance[],
  { now, ranked, views }: Inventory,
  known: LayersKnown,
  rankOf: (host: string) => number | undefined,
): readonly string[] {
  const layers = identitiesOf(layersOf(template));
  const { kept } = countsOf(template, now);
  const directories = isShared(template) ? directoriesWith(layers, views) : [];
  // Few hosts have it: only those are looked at.
  const having = (known.copies.get(layers[0] ?? '') ?? []).flatMap((host) => rankOf(host) ?? []);
  if (having.length <= (directories.length > 0 ? 0 : Math.max(1, kept))) return [];
  if (template.metadata.deletionTimestamp !== undefined || grown.some(isPending)) return [];
  if (layers.some((identity) => known.fetching.has(identity))) return [];
  const bound = new Set(grown.map(({ spec }) => spec.hostName));
  const inOrder = having.sort((a, b) => a - b).flatMap((rank) => ranked[rank] ?? []);
  // The log of its build is where it was built, and would go with that copy.
  const isKept = (host: string) => bound.has(host) || host === template.status?.build?.host;
  const hosts = copyHosts(layers, inOrder, isKept);
  if (directories.length === 0) return surplusHosts(hosts, kept);
  const own = inOrder.filter(({ view }) => layers.some((one) => view.layers.get(one)?.shared === undefined));
  const names = new Set(own.map(({ view }) => view.name));
  return hosts
    .filter(({ name, copy, isNeeded }) => names.has(name) && copy === 'whole' && !isNeeded)
    .map(({ name }) => name);
}
