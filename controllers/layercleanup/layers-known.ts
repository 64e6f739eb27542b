import type { Host, Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { lineageOf } from '../../src/domain/templates/unneeded.ts';
import type { LayerIdentity, LayerStatus } from '../../src/host/protocol.ts';
import { type HostView, importId } from '../daemons/view.ts';
import { filesOf, identitiesOf, LAYER_ROLES, layersOf, sealedLayers } from '../objects/template-files.ts';
import { layersBelow } from '../objects/template-lineage.ts';

/** What templates and hosts say of all layers at one moment. */
export interface LayersKnown {
  /** The layers of a template, also those that its status does not name yet. */
  of(template: Template): ReadonlySet<LayerIdentity>;
  /** With all that these stand on; none for a template that is not there. @param key namespace/name */
  withAncestors(key: string): readonly LayerIdentity[];
  /** Every layer of a template, and all that these stand on. */
  readonly referred: ReadonlySet<LayerIdentity>;
  /** What a host that has a layer says of it. */
  readonly stored: ReadonlyMap<LayerIdentity, LayerStatus>;
  /** The hosts on which a layer is whole. */
  readonly copies: ReadonlyMap<LayerIdentity, readonly string[]>;
  /** The layers that a host is fetching. */
  readonly fetching: ReadonlySet<LayerIdentity>;
  /** Whether nothing that is not known here can refer to a layer; `hosts` are all that are registered. */
  isComplete(hosts: readonly Host[]): boolean;
}

/** A host whose layers the operator knows, all of them. */
export function isFollowed({ link, status }: HostView): boolean {
  return link.state === 'connected' && status?.imports !== undefined;
}

export function layersKnown(templates: readonly Template[], views: readonly HostView[]): LayersKnown {
  const layers = views.flatMap((view) => [...view.layers.values()]);
  // Only a host that has it knows what a layer stands on; one that fetches it does not.
  const stored = new Map(layers.filter(({ kind }) => kind !== undefined).map((one) => [one.identity, one]));
  const layersBy = ownLayers(templates, views);
  const byKey = new Map(templates.map((template) => [keyOf(template), template]));
  const withAncestors = (key: string) => {
    const template = byKey.get(key);
    if (template === undefined) return [];
    const below = layersBelow(template, (parent) => byKey.get(parent));
    return [...below, ...(layersBy.get(key) ?? [])].flatMap((identity) => lineageOf(identity, stored));
  };
  return {
    of: (template) => layersBy.get(keyOf(template)) ?? new Set(),
    withAncestors,
    referred: new Set([...byKey.keys()].flatMap(withAncestors)),
    stored,
    copies: copiesIn(views),
    fetching: new Set(layers.flatMap(({ state, identity }) => (state === 'Fetching' ? [identity] : []))),
    isComplete: (hosts) => isComplete(hosts, templates, views, stored),
  };
}

function copiesIn(views: readonly HostView[]): ReadonlyMap<LayerIdentity, readonly string[]> {
  const copies = new Map<LayerIdentity, string[]>();
  for (const { name, layers } of views) {
    for (const { identity, state } of layers.values()) {
      if (state !== 'Ready') continue;
      const hosts = copies.get(identity);
      if (hosts === undefined) copies.set(identity, [name]);
      else hosts.push(name);
    }
  }
  return copies;
}

/** The layers of each template, by its key: those in its status, and those that hosts made of its imports and its seal. */
function ownLayers(
  templates: readonly Template[],
  views: readonly HostView[],
): ReadonlyMap<string, ReadonlySet<LayerIdentity>> {
  const imported = Map.groupBy(
    views.flatMap(({ imports }) => [...imports.values()]),
    importId,
  );
  const sealed = Map.groupBy(
    views.flatMap(({ seals }) => [...seals.values()]),
    ({ uuid }) => uuid,
  );
  return new Map(
    templates.map((template) => {
      const files = [...filesOf(template).values()].flatMap(({ key }) => imported.get(importId(key)) ?? []);
      const seals = sealed.get(template.metadata.uid ?? '') ?? [];
      const layers = [
        ...LAYER_ROLES.map((role) => template.status?.layers?.[role]),
        ...files.map(({ identity }) => identity),
        ...seals.flatMap(sealedLayers),
      ];
      return [keyOf(template), new Set(layers.filter((identity) => identity !== undefined))];
    }),
  );
}

/** A host that is away may have the only layer that says on which others a template's stands. */
function isComplete(
  hosts: readonly Host[],
  templates: readonly Template[],
  views: readonly HostView[],
  stored: ReadonlyMap<LayerIdentity, LayerStatus>,
): boolean {
  const followed = new Set(views.filter(isFollowed).map(({ name }) => name));
  if (hosts.every(({ metadata }) => followed.has(metadata.name))) return true;
  return templates.every((template) => {
    const identities = identitiesOf(layersOf(template));
    return identities.length > 0 && identities.every((identity) => stored.has(identity));
  });
}
