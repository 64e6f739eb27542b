import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { describeHolders, holdersOf } from '../../src/domain/templates/tree.ts';
import type { LayerKind } from '../../src/host/protocol.ts';
import { StalledError, TransientError } from '../../src/kube/controller/errors.ts';
import type { OperatorContext } from '../context.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import { layerKey } from '../daemons/view.ts';
import { BY_DIGEST, BY_PARENT, BY_TEMPLATE } from '../indexes.ts';
import { filesOf } from '../objects/template-layers.ts';
import { parentKey, templateKeyOf } from '../objects/template-references.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { refusalOf, templateObstacles } from '../obstacles/templates.ts';

type File = { readonly sha256: string; readonly kind: LayerKind };

/**
 * Deletes a deleted template's files from the hosts, once nothing is based on it. Files that another template has as well stay.
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
  const unused = filesOf(template)
    .map(([sha256, { kind }]) => ({ sha256, kind }))
    .filter((file) => !isUsedByAnother(context, template, file));
  const away: string[] = [];
  const refusals: string[] = [];
  for (const host of hostsHolding(context, unused)) {
    const daemon =
      context.views.get(host)?.link.state === 'connected' ? context.links.client(host) : undefined;
    if (daemon === undefined) away.push(host);
    else refusals.push(...(await deleteLayers(daemon, host, unused, signal)));
  }
  if (refusals.length > 0) return templateObstacles.filesHeld(refusals);
  return away.length === 0 ? undefined : templateObstacles.hostsAway(away);
}

/**
 * An appliance that the API no longer knows may still use a layer there: the daemon's refusal names it, and people must see that.
 * @returns what the daemon refused
 */
async function deleteLayers(
  daemon: Daemon,
  host: string,
  files: readonly File[],
  signal: AbortSignal,
): Promise<string[]> {
  try {
    for (const { sha256, kind } of files) await callDaemon(daemon.deleteLayer(sha256, { kind, signal }));
    return [];
  } catch (error) {
    if (!(error instanceof TransientError || error instanceof StalledError)) throw error;
    return [refusalOf(host, error.message)];
  }
}

function holders({ caches }: OperatorContext, key: string): string | null {
  const children = caches.templates.byIndex(BY_PARENT, key);
  const appliances = caches.appliances.byIndex(BY_TEMPLATE, key);
  return describeHolders(
    holdersOf(
      key,
      children.map((child) => ({ key: keyOf(child), parent: parentKey(child) })),
      appliances.map((appliance) => ({ key: keyOf(appliance), template: templateKeyOf(appliance) })),
    ),
  );
}

/** Of templates that are deleted together, the last in order deletes the file. If each left it to the others, it would stay. */
function isUsedByAnother({ caches }: OperatorContext, template: Template, { sha256, kind }: File): boolean {
  const isUser = (other: Template) =>
    other.metadata.uid !== template.metadata.uid &&
    filesOf(other).some(([digest, desired]) => digest === sha256 && desired.kind === kind) &&
    (other.metadata.deletionTimestamp === undefined || keyOf(other) > keyOf(template));
  return caches.templates.byIndex(BY_DIGEST, sha256).some(isUser);
}

/** According to what each host last reported; for a host not heard since the operator started, according to its status. */
function hostsHolding({ caches, views }: OperatorContext, files: readonly File[]): string[] {
  const digests = files.map(({ sha256 }) => sha256);
  return caches.hosts
    .list()
    .filter(({ metadata, status }) => {
      const view = views.get(metadata.name);
      if (view?.status !== undefined) return files.some((file) => view.layers.has(layerKey(file)));
      return (status?.layers ?? []).some(({ sha256 }) => digests.includes(sha256));
    })
    .map(({ metadata }) => metadata.name);
}
