import { SUBRESOURCES_GROUP, SUBRESOURCES_VERSION } from '../api/subresources.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { reviewAccess, type UserInfo } from '../kube/client/reviews.ts';
import { Refusal } from './refusal.ts';

/** What somebody wants to do with a subresource of the group. */
export interface Access {
  readonly verb: 'create' | 'get';
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

/** Throws 403, as an API server says it, unless the user may. */
export async function requireAccess(
  client: Pick<KubeClient, 'create'>,
  user: UserInfo,
  access: Access,
): Promise<void> {
  const { verb, resource, subresource, namespace, name } = access;
  const group = SUBRESOURCES_GROUP;
  const { allowed, reason } = await reviewAccess(client, user, {
    ...access,
    group,
    version: SUBRESOURCES_VERSION,
  });
  if (allowed) return;
  const what = `cannot ${verb} resource "${resource}/${subresource}" in API group "${group}" in the namespace "${namespace}"`;
  const why = `${resource}.${group} ${JSON.stringify(name)} is forbidden: User ${JSON.stringify(user.username)} ${what}`;
  throw new Refusal(403, 'Forbidden', reason === undefined ? why : `${why}: ${reason}`);
}
