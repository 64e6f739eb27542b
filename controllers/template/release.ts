import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { areInCircle, describeHolders, holdersOf } from '../../src/domain/templates/tree.ts';
import type { ImportKey, ImportStatus, LayerIdentity } from '../../src/host/protocol.ts';
import { StalledError, TransientError } from '../../src/kube/controller/errors.ts';
import type { OperatorContext } from '../context.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import { importId } from '../daemons/view.ts';
import { BY_DIGEST, BY_LAYER, BY_PARENT, BY_TEMPLATE } from '../indexes.ts';
import { filesOf, identitiesOf, layersOf, sealedLayers } from '../objects/template-files.ts';
import { parentKey } from '../objects/template-references.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { refusalOf, templateObstacles } from '../obstacles/templates.ts';

/** What hosts have of a template and of no other one. */
interface Unused {
  readonly imports: readonly ImportKey[];
  readonly layers: readonly LayerIdentity[];
  /** Its uid, as that of a seal. */
  readonly seal: string;
}

/**
 * Deletes a deleted template's layers and imports from the hosts, once nothing is based on it. What another template has as well stays.
 * A host that does not answer keeps the template waiting, or its files would stay there for ever.
 * @returns what keeps the template from being removed; undefined when nothing does
 */
export async function release(
  context: OperatorContext,
  template: Template,
  signal: AbortSignal,
): Promise<Obstacle | undefined> {
  const held = holders(context, keyOf(template));
  if (held !== null) return templateObstacles.held(held);
  const unused = unusedOf(context, template);
  const away: string[] = [];
  const refusals: string[] = [];
  for (const host of hostsHolding(context, unused)) {
    const daemon =
      context.views.get(host)?.link.state === 'connected' ? context.links.client(host) : undefined;
    if (daemon === undefined) away.push(host);
    else refusals.push(...(await deleteFrom(daemon, host, unused, signal)));
  }
  if (refusals.length > 0) return templateObstacles.filesHeld(refusals);
  if (away.length > 0) return templateObstacles.hostsAway(away);
  for (const identity of unused.layers) context.sharing.forget(identity);
  return undefined;
}

/**
 * An appliance that the API no longer knows may still use a layer there: the daemon's refusal names it, and people must see that.
 * @returns what the daemon refused
 */
async function deleteFrom(
  daemon: Daemon,
  host: string,
  { imports, layers, seal }: Unused,
  signal: AbortSignal,
): Promise<string[]> {
  try {
    await callDaemon(daemon.deleteSeal(seal, { signal }));
    // The imports first: a layer that is gone would be imported again.
    for (const key of imports) await callDaemon(daemon.deleteImport(key, { signal }));
    for (const identity of layers) await callDaemon(daemon.deleteLayer(identity, { signal }));
    return [];
  } catch (error) {
    if (!(error instanceof TransientError || error instanceof StalledError)) throw error;
    return [refusalOf(host, error.message)];
  }
}

function holders({ caches }: OperatorContext, key: string): string | null {
  const parentOf = (one: string) => {
    const template = caches.templates.get(one);
    return template && parentKey(template);
  };
  // Templates in a circle have nothing of each other, and if each waited for the other, none would ever go.
  const children = caches.templates
    .byIndex(BY_PARENT, key)
    .filter((child) => !areInCircle(key, keyOf(child), parentOf));
  const appliances = caches.appliances.byIndex(BY_TEMPLATE, key);
  return describeHolders(
    holdersOf(
      key,
      children.map((child) => ({ key: keyOf(child), parent: parentKey(child) })),
      appliances.map((appliance) => ({ key: keyOf(appliance), template: key })),
    ),
  );
}

/** What no other template has. It may be deleted before its status says which layers its files became: the hosts know. */
export function unusedOf(context: OperatorContext, template: Template): Unused {
  const isUnused = (having: readonly Template[]) => !having.some((other) => outlives(other, template));
  const keys = [...filesOf(template).values()].map(({ key }) => key);
  const imports = keys.filter((key) => isUnused(importersOf(context, key)));
  const ids = new Set(imports.map((key) => importId(key)));
  const became = importsOf(context).flatMap((one) => (ids.has(importId(one)) ? (one.identity ?? []) : []));
  const { uid: seal = '' } = template.metadata;
  const sealed = context.views.list().flatMap(({ seals }) => sealedLayers(seals.get(seal)));
  const layers = new Set([...identitiesOf(layersOf(template)), ...became, ...sealed]);
  const unused = [...layers].filter((identity) => isUnused(havingLayer(context, identity)));
  return { imports, layers: unused, seal };
}

/** The templates that have the layer, also those whose status does not say so yet. */
function havingLayer(context: OperatorContext, identity: LayerIdentity): Template[] {
  const imports = importsOf(context).filter((one) => one.identity === identity);
  return [
    ...context.caches.templates.byIndex(BY_LAYER, identity),
    ...imports.flatMap((one) => importersOf(context, one)),
  ];
}

function importsOf({ views }: OperatorContext): ImportStatus[] {
  return views.list().flatMap((view) => [...view.imports.values()]);
}

/** The templates that have this import. */
function importersOf({ caches }: OperatorContext, key: ImportKey): Template[] {
  const id = importId(key);
  return caches.templates
    .byIndex(BY_DIGEST, key.sha256)
    .filter((template) => [...filesOf(template).values()].some((file) => importId(file.key) === id));
}

/** Of templates that are deleted together, the last in order deletes the file. If each left it to the others, it would stay. */
function outlives(other: Template, template: Template): boolean {
  if (other.metadata.uid === template.metadata.uid) return false;
  return other.metadata.deletionTimestamp === undefined || keyOf(other) > keyOf(template);
}

/** According to what each host last reported; for a host not heard since the operator started, according to its status. */
function hostsHolding({ caches, views }: OperatorContext, { imports, layers, seal }: Unused): string[] {
  return caches.hosts
    .list()
    .filter(({ metadata, status }) => {
      const view = views.get(metadata.name);
      if (view?.status === undefined)
        return (status?.layers ?? []).some(({ identity }) => layers.includes(identity));
      return (
        view.seals.has(seal) ||
        layers.some((identity) => view.layers.has(identity)) ||
        imports.some((key) => view.imports.has(importId(key)))
      );
    })
    .map(({ metadata }) => metadata.name);
}
