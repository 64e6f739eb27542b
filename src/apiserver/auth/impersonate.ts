import { badRequest } from '../status-errors.ts';
import { refusal } from './authorize.ts';
import type { Attributes, Authorize, User } from './types.ts';

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

function attributes(user: User, resource: string, name: string, namespace?: string): Attributes {
  const nothing = { path: undefined, subresource: undefined };
  return { user, verb: 'impersonate', group: '', version: 'v1', resource, name, namespace, ...nothing };
}

/**
 * The request that the real user must be allowed to make: a service account is an object in its namespace, other
 * users are only names.
 */
function asUser(user: User, name: string): Attributes {
  const [, namespace, account] = SERVICE_ACCOUNT.exec(name) ?? [];
  return account === undefined
    ? attributes(user, 'users', name)
    : attributes(user, 'serviceaccounts', account, namespace);
}

/** The groups that every user of this name belongs to. */
function groupsOf(name: string): string[] {
  const [, namespace] = SERVICE_ACCOUNT.exec(name) ?? [];
  return namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

/** `kubectl --as`: the user to act as, if the real one may; throws 403 otherwise. */
export function impersonated(user: User, headers: NodeJS.Dict<string[]>, authorize: Authorize): User {
  const [name = ''] = headers['impersonate-user'] ?? [];
  const groups = headers['impersonate-group'] ?? [];
  if (name === '') {
    if (groups.length === 0) return user;
    const asked = `[]string{${groups.map((group) => JSON.stringify(group)).join(', ')}}`;
    const info = `&user.DefaultInfo{Name:"", UID:"", Groups:${asked}, Extra:map[string][]string(nil)}`;
    throw badRequest(`requested ${info} without impersonating a user name`);
  }
  for (const each of [asUser(user, name), ...groups.map((group) => attributes(user, 'groups', group))]) {
    const { allowed, reason } = authorize(each);
    if (!allowed) throw refusal(each, reason);
  }
  const all = [...(groups.length > 0 ? groups : groupsOf(name)), 'system:authenticated'];
  return { name, groups: [...new Set(all)] };
}
