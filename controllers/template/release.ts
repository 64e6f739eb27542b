import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/api/object.ts';
import { describeHolders, holdersOf } from '../../src/domain/templates/tree.ts';
import { StalledError, TransientError } from '../../src/kube/controller/errors.ts';
import type { OperatorContext } from '../context.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { asking } from '../daemons/daemon-errors.ts';
import { BY_DIGEST, BY_PARENT, BY_TEMPLATE } from '../indexes.ts';
import { digestsOf } from '../objects/template-layers.ts';
import { parentKey, templateKeyOf } from '../objects/template-references.ts';

/** What keeps a deleted template from going; undefined when nothing does. */
export type Holdup = { readonly reason: string; readonly message: string } | undefined;

/**
 * Takes a deleted template's files away from the hosts, once nobody stands on it. Files that another template has as well
 * stay. A host that is away keeps the template waiting: what it holds would never be taken away otherwise.
 */
export async function release(
  context: OperatorContext,
  template: Template,
  signal: AbortSignal,
): Promise<Holdup> {
  const held = holders(context, keyOf(template));
  if (held !== null) return { reason: 'InUse', message: `${held}: it goes when they are deleted` };
  const unused = digestsOf(template).filter((digest) => !isUsedByAnother(context, template, digest));
  const away: string[] = [];
  const refusals: string[] = [];
  for (const host of hostsHolding(context, unused)) {
    const daemon =
      context.views.get(host)?.link.state === 'connected' ? context.links.client(host) : undefined;
    if (daemon === undefined) away.push(host);
    else refusals.push(...(await take(daemon, host, unused, signal)));
  }
  if (refusals.length > 0) return { reason: 'InUse', message: refusals.join('; ').slice(0, 4096) };
  if (away.length === 0) return undefined;
  const message = `${away.join(', ')} hold its files and do not answer: it goes when they do, or are not registered any more`;
  return { reason: 'HostUnreachable', message };
}

/** A layer may still be held there by an appliance that the API does not know any more: people must see which. */
async function take(
  daemon: Daemon,
  host: string,
  digests: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  try {
    for (const digest of digests) await asking(daemon.deleteLayer(digest, { signal }));
    return [];
  } catch (error) {
    if (!(error instanceof TransientError || error instanceof StalledError)) throw error;
    return [`host ${host} does not give its files up: ${error.message}`];
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

/** Of several that are deleted together the last in order takes the file away: were each to leave it to the others, it would stay. */
function isUsedByAnother({ caches }: OperatorContext, template: Template, digest: string): boolean {
  const isUser = (other: Template) =>
    other.metadata.uid !== template.metadata.uid &&
    (other.metadata.deletionTimestamp === undefined || keyOf(other) > keyOf(template));
  return caches.templates.byIndex(BY_DIGEST, digest).some(isUser);
}

/** By their own last word, and, for those not heard since the start, by what stands in their status. */
function hostsHolding({ caches, views }: OperatorContext, digests: readonly string[]): string[] {
  return caches.hosts
    .list()
    .filter(({ metadata, status }) => {
      const view = views.get(metadata.name);
      if (view?.status !== undefined) return digests.some((digest) => view.layers.has(digest));
      return (status?.layers ?? []).some(({ sha256 }) => digests.includes(sha256));
    })
    .map(({ metadata }) => metadata.name);
}
