import type { IncomingHttpHeaders } from 'node:http';
import { badRequest } from '../status-errors.ts';
import { refusal } from './authorize.ts';
import type { Attributes, Authorize, User } from './types.ts';

function listOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  // Node joins repeated headers of unknown names by a comma.
  return (Array.isArray(header) ? header : header.split(',')).map((value) => value.trim());
}

function attributes(user: User, resource: string, name: string): Attributes {
  const nothing = { path: undefined, subresource: undefined, namespace: undefined };
  return { user, verb: 'impersonate', group: '', version: 'v1', resource, name, ...nothing };
}

/** `kubectl --as`: the user to act as, if the real one may; throws 403 otherwise. */
export function impersonated(user: User, headers: IncomingHttpHeaders, authorize: Authorize): User {
  const [name] = listOf(headers['impersonate-user']);
  const groups = listOf(headers['impersonate-group']);
  if (name === undefined) {
    if (groups.length === 0) return user;
    throw badRequest('requested [{Group}] without impersonating a user');
  }
  const asked = [
    attributes(user, 'users', name),
    ...groups.map((group) => attributes(user, 'groups', group)),
  ];
  for (const each of asked) {
    const { allowed, reason } = authorize(each);
    if (!allowed) throw refusal(each, reason);
  }
  return { name, groups: [...new Set([...groups, 'system:authenticated'])] };
}
