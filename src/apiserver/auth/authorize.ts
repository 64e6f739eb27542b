import { forbidden } from '../status-errors.ts';
import type { Attributes, Authorize } from './types.ts';

/** The group that may do everything. */
const MASTERS = 'system:masters';

const REVIEWS_OF_ONESELF = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews'];
const DISCOVERY = /^\/(api|apis|openapi|version|healthz|livez|readyz)(\/|$)/;

/**
 * What kube's default roles give to everyone who is known: to discover the API and to ask about oneself. Without
 * it kubectl could not even name what was refused.
 */
export function allowedToAll({ user, verb, path, resource }: Attributes): boolean {
  if (!user.groups.includes('system:authenticated')) return false;
  if (path !== undefined) return verb === 'get' && DISCOVERY.test(path);
  return verb === 'create' && REVIEWS_OF_ONESELF.includes(resource);
}

/** The rule when none is passed in: system:masters may all, others nothing. */
export const mastersOnly: Authorize = ({ user }) => ({ allowed: user.groups.includes(MASTERS) });

/** The 403 that kube-apiserver would send. */
export function refusal(attributes: Attributes, reason: string | undefined): Error {
  const { user, verb, path, group, resource, subresource, namespace, name } = attributes;
  const suffix = reason ? `: ${reason}` : '';
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  if (path !== undefined)
    return forbidden(undefined, undefined, `${who} path ${JSON.stringify(path)}${suffix}`);
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  const why = `${who} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}${suffix}`;
  return forbidden({ group, name: resource }, name, why);
}
