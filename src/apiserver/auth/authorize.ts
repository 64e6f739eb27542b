import { forbidden } from '../status-errors.ts';
import type { Attributes } from './types.ts';

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
