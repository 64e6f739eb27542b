import type { Host, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { surplusHosts } from '../../src/domain/templates/copies.ts';
import { lineageOf, unneededLayers } from '../../src/domain/templates/unneeded.ts';
import type { ImportKey, LayerIdentity, LayerStatus } from '../../src/host/protocol.ts';
import { copyHosts, type RankedHost } from '../daemons/copy-hosts.ts';
import { type HostView, importId } from '../daemons/view.ts';
import { isPending } from '../objects/appliance.ts';
import { countsOf } from '../objects/template-copies.ts';
import { filesOf, identitiesOf, LAYER_ROLES, layersOf } from '../objects/template-files.ts';
import { templateKeyOf } from '../objects/template-references.ts';

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
  readonly imports: readonly ImportKey[];
  readonly layers: readonly LayerIdentity[];
}

/** What each connected host has and nothing needs there: what no template refers to, and copies that are more than enough. */
export function unneededOn(inventory: Inventory): readonly Unneeded[] {
  const { templates, views } = inventory;
  const named = new Set(
    templates.flatMap((one) => [...filesOf(one).values()].map(({ key }) => importId(key))),
  );
  const isWanted = whoWants(inventory);
  return views.filter(isFollowed).map((view) => ({
    host: view.name,
    imports: [...view.imports.values()].filter((one) => !named.has(importId(one))),
    layers: unneededLayers(
      [...view.layers.values()].map((layer) => ({ ...layer, isHeld: isHeld(layer) })),
      (identity) => isWanted(view.name, identity),
    ),
  }));
}

/** A host whose layers this operator knows, all of them. */
function isFollowed({ link, status }: HostView): boolean {
  return link.state === 'connected' && status?.imports !== undefined;
}

/** Whether appliances stand on it; layers on it are another matter. */
function isHeld({ heldBy }: LayerStatus): boolean {
  return heldBy.some((holder) => !holder.startsWith('layer '));
}

function whoWants(inventory: Inventory): (host: string, identity: LayerIdentity) => boolean {
  const grown = Map.groupBy(inventory.appliances, templateKeyOf);
  const known = inventory.templates.map((template) => ({
    layers: layersBy(template, inventory.views),
    surplus: new Set(surplusOf(template, grown.get(keyOf(template)) ?? [], inventory)),
  }));
  const surplusBy = new Map<LayerIdentity, ReadonlySet<string>[]>();
  for (const { layers, surplus } of known) {
    for (const identity of layers) surplusBy.set(identity, [...(surplusBy.get(identity) ?? []), surplus]);
  }
  // Only a host that has it knows what a layer stands on; one that fetches it does not.
  const stored = new Map(
    inventory.views.flatMap(({ layers }) => [...layers].filter(([, { kind }]) => kind !== undefined)),
  );
  const referred = new Set([...surplusBy.keys()].flatMap((identity) => lineageOf(identity, stored)));
  const isAllKnown = knowsAll(inventory, stored);
  return (host, identity) => {
    const owners = surplusBy.get(identity);
    if (owners !== undefined) return owners.some((surplus) => !surplus.has(host));
    return !isAllKnown || referred.has(identity);
  };
}

/** Every layer that is the template's, by its status, or by what hosts say of its imports and of its seal. */
function layersBy(template: Template, views: readonly HostView[]): ReadonlySet<LayerIdentity> {
  const ofStatus = LAYER_ROLES.flatMap((role) => template.status?.layers?.[role] ?? []);
  const files = [...filesOf(template).values()].map(({ key }) => importId(key));
  const imported = views.flatMap(({ imports }) => files.flatMap((id) => imports.get(id)?.identity ?? []));
  const seals = views.flatMap((view) => view.seals.get(template.metadata.uid ?? '') ?? []);
  const sealed = seals.flatMap(({ identity, data }) => [identity, data]).filter((one) => one !== undefined);
  return new Set([...ofStatus, ...imported, ...sealed]);
}

/** Copies of a template that is deleted go with it; those of one whose appliances wait for hosts may be needed anywhere. */
function surplusOf(
  template: Template,
  grown: readonly VirtualAppliance[],
  { ranked, now }: Inventory,
): readonly string[] {
  const layers = layersOf(template);
  if (layers === undefined || template.metadata.deletionTimestamp !== undefined) return [];
  if (grown.some(isPending)) return [];
  const bound = new Set(grown.map(({ spec }) => spec.hostName));
  const copies = copyHosts(identitiesOf(layers), ranked, (host) => bound.has(host));
  return surplusHosts(copies, countsOf(template, now).kept);
}

/** A host that is away may have the only layer that says on which others a template's stands. */
function knowsAll(
  { hosts, templates, views }: Inventory,
  stored: ReadonlyMap<LayerIdentity, LayerStatus>,
): boolean {
  const followed = new Set(views.filter(isFollowed).map(({ name }) => name));
  if (hosts.every(({ metadata }) => followed.has(metadata.name))) return true;
  return templates.every((template) => {
    const identities = identitiesOf(layersOf(template));
    return identities.length > 0 && identities.every((identity) => stored.has(identity));
  });
}
