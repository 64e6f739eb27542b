import { badRequest } from '../status-errors.ts';
import { refusal } from './authorize.ts';
import type { Attributes, Authorize, User } from './types.ts';

/** A namespace and the name of a service account in it, each as Kubernetes allows them. */
const SERVICE_ACCOUNT =
  /^system:serviceaccount:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?):([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$/;
const AUTHENTICATED = 'system:authenticated';
const UNAUTHENTICATED = 'system:unauthenticated';
const EXTRA_PREFIX = 'impersonate-extra-';
const AUTHENTICATION = 'authentication.k8s.io';

/** Whom a request wants to act as, as its headers say. */
interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

function extraKey(header: string): string {
  const key = header.slice(EXTRA_PREFIX.length);
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function wantedBy(headers: NodeJS.Dict<string[]>): Wanted {
  const extra = Object.entries(headers).flatMap(([header, values = []]): [string, string[]][] =>
    header.startsWith(EXTRA_PREFIX) ? [[extraKey(header), values]] : [],
  );
  return {
    name: headers['impersonate-user']?.[0] ?? '',
    uid: headers['impersonate-uid']?.[0] ?? '',
    groups: headers['impersonate-group'] ?? [],
    extra: new Map(extra),
  };
}

/** As Go prints a list of strings. */
function goStrings(list: readonly string[]): string {
  return `[]string{${list.map((item) => JSON.stringify(item)).join(', ')}}`;
}

/** As Go prints the user, for the refusal of one without a name. */
function goUser({ uid, groups, extra }: Wanted): string {
  const group = groups.length === 0 ? '[]string(nil)' : goStrings(groups);
  const entries = [...extra].sort().map(([key, values]) => `${JSON.stringify(key)}:${goStrings(values)}`);
  const more = entries.length === 0 ? '(nil)' : `{${entries.join(', ')}}`;
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${group}, Extra:map[string][]string${more}}`;
}

function attributes(user: User, resource: string, name: string): Attributes {
  const nothing = { path: undefined, namespace: undefined, subresource: undefined };
  return { user, verb: 'impersonate', group: '', version: 'v1', resource, name, ...nothing };
}

/**
 * The requests that the real user must be allowed to make: a service account is an object in its namespace, all else is only
 * a name.
 */
function asked(user: User, { name, uid, groups, extra }: Wanted): Attributes[] {
  const [, namespace, account] = SERVICE_ACCOUNT.exec(name) ?? [];
  const who =
    account === undefined
      ? attributes(user, 'users', name)
      : { ...attributes(user, 'serviceaccounts', account), namespace };
  const extras = [...extra].flatMap(([subresource, values]) =>
    values.map((value) => ({ ...attributes(user, 'userextras', value), group: AUTHENTICATION, subresource })),
  );
  return [
    who,
    ...(uid === '' ? [] : [{ ...attributes(user, 'uids', uid), group: AUTHENTICATION }]),
    ...groups.map((group) => attributes(user, 'groups', group)),
    ...extras,
  ];
}

/** The groups that a user of this name belongs to, if the request names none, and those that every user is in. */
function groupsOf({ name, groups }: Wanted): string[] {
  const [, namespace] = SERVICE_ACCOUNT.exec(name) ?? [];
  const ofAccount =
    namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  const own = groups.length > 0 ? groups : ofAccount;
  const isKnown = name !== 'system:anonymous' && !own.includes(UNAUTHENTICATED);
  return [...new Set([...own, isKnown ? AUTHENTICATED : UNAUTHENTICATED])];
}

/** `kubectl --as`: the user to act as, if the real one may; throws 403 otherwise. */
export function impersonated(user: User, headers: NodeJS.Dict<string[]>, authorize: Authorize): User {
  const wanted = wantedBy(headers);
  const { name, uid, groups, extra } = wanted;
  if (name === '') {
    if (uid === '' && groups.length === 0 && extra.size === 0) return user;
    throw badRequest(`requested ${goUser(wanted)} without impersonating a user name`);
  }
  for (const each of asked(user, wanted)) {
    const { allowed, reason } = authorize(each);
    if (!allowed) throw refusal(each, reason);
  }
  return {
    name,
    groups: groupsOf(wanted),
    ...(uid === '' ? {} : { uid }),
    ...(extra.size === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}
