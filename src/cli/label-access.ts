import { createHash } from 'node:crypto';
import { TEMPLATE_FOLLOWS, TEMPLATE_LABELS, type TemplateFollow, type TemplateLabel } from '../api/kinds.ts';
import { type KubeObject, keyOf, type ObjectName, parseKey, type ResourceRef } from '../base/object.ts';
import { pushAll } from '../base/push-all.ts';
import { isLabelVisible, type Viewer } from '../domain/templates/label.ts';
import { ApiError, isConflict } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';

type Reader = Pick<KubeClient, 'list' | 'find'>;

/** Objects that the user may read. */
export interface Readable<T> {
  readonly items: readonly T[];
  /** The namespaces that were read; undefined for all. */
  readonly namespaces: readonly string[] | undefined;
}

/**
 * The objects of all namespaces or, where the user may not read those, of the first of these namespaces and of those of the others that
 * the user may read.
 */
export async function readableObjects<T extends KubeObject>(
  client: Reader,
  ref: ResourceRef<T>,
  [namespace, ...others]: readonly [string, ...string[]],
): Promise<Readable<T>> {
  const everywhere = await listOrNothing(client, ref);
  if (everywhere !== undefined) return { items: everywhere, namespaces: undefined };
  const items = (await client.list(ref, { namespace })).items;
  const namespaces = [namespace];
  for (const other of new Set(others.filter((name) => name !== namespace))) {
    const found = await listOrNothing(client, ref, other);
    if (found === undefined) continue;
    namespaces.push(other);
    pushAll(items, found);
  }
  return { items, namespaces };
}

async function listOrNothing<T extends KubeObject>(
  client: Reader,
  ref: ResourceRef<T>,
  namespace?: string,
): Promise<readonly T[] | undefined> {
  try {
    return (await client.list(ref, namespace === undefined ? {} : { namespace })).items;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  }
}

/** The labels that the user may read, and that are visible to the user, by key. @param others namespaces, as of `readableObjects` */
export async function visibleLabels(
  client: Reader,
  viewer: Viewer & { readonly namespace: string },
  others: readonly string[] = [],
): Promise<Readable<TemplateLabel>> {
  const { items, namespaces } = await readableObjects(client, TEMPLATE_LABELS, [viewer.namespace, ...others]);
  const visible = items.filter((label) => isLabelVisible(label, viewer));
  return { items: visible.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)), namespaces };
}

/** The namespaces of objects that are named as namespace/name, or as a name alone. */
export function namespacesOf(keys: Iterable<string>): string[] {
  return [...new Set([...keys].flatMap((key) => parseKey(key).namespace ?? []))];
}

/** A conflict is rare, and another one at once is rarer. */
const ATTEMPTS = 5;

/**
 * Patches an object's spec. When the object has changed meanwhile, be it only its status, `change` is called with it as it is now, so
 * that nothing of others is lost.
 * @throws what `change` throws
 */
export async function changeSpec<T extends KubeObject & { spec: object }>(
  client: Pick<KubeClient, 'get' | 'patch'>,
  ref: ResourceRef<T>,
  object: T,
  change: (object: T) => Readonly<Record<string, unknown>>,
): Promise<void> {
  let found = object;
  for (let attempt = 1; ; attempt += 1) {
    const { name, namespace, resourceVersion } = found.metadata;
    try {
      await client.patch(ref, { name, namespace }, { metadata: { resourceVersion }, spec: change(found) });
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
      found = await client.get(ref, { name, namespace });
    }
  }
}

/** What people call a label: its name in their namespace, namespace/name in another one. */
export function shownKey(key: string, namespace: string): string {
  const { name, namespace: of } = parseKey(key);
  return of === namespace ? name : key;
}

/** The label that a user names, as NAME or NAMESPACE/NAME. What is not visible looks like what does not exist. */
export async function findLabel(
  client: Reader,
  named: string,
  viewer: Viewer & { readonly namespace: string },
): Promise<TemplateLabel> {
  const name: ObjectName = { namespace: viewer.namespace, ...parseKey(named) };
  const label = await client.find(TEMPLATE_LABELS, name);
  if (label !== undefined && isLabelVisible(label, viewer)) return label;
  throw noSuchLabel(keyOf(name), viewer.user);
}

/** @param key namespace/name */
export function noSuchLabel(key: string, user: string): Error {
  return new Error(
    `TemplateLabel ${key} does not exist, or is not visible to ${user}: \`coppice label list -A\` shows those that are`,
  );
}

/** The follow object of a user in a namespace. */
export async function findFollow(
  client: Reader,
  { user, namespace }: Viewer & { readonly namespace: string },
): Promise<TemplateFollow | undefined> {
  const { items } = await client.list(TEMPLATE_FOLLOWS, { namespace });
  const mine = items.filter(({ spec }) => spec.user === user);
  return mine.find(({ metadata }) => metadata.name === followName(user)) ?? mine[0];
}

/** A name for the follow object of a user. Users' names may be no names of objects, and two that look alike must not meet. */
export function followName(user: string): string {
  const readable = user
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-|-$/g, '');
  if (readable === user) return user;
  const digest = createHash('sha256').update(user).digest('hex').slice(0, 8);
  return readable === '' ? digest : `${readable}-${digest}`;
}
