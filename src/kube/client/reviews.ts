import type { KubeObject, ResourceRef } from '../../base/object.ts';
import type { KubeClient } from './client.ts';

/** A user, as authentication finds them. */
export interface UserInfo {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

interface TokenReview extends KubeObject {
  spec: { token: string; audiences?: readonly string[] };
  status?: { authenticated?: boolean; audiences?: readonly string[]; user?: Partial<UserInfo> };
}

/** What somebody wants to do with a resource. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

interface SubjectAccessReview extends KubeObject {
  spec: {
    user: string;
    uid?: string;
    groups?: readonly string[];
    extra?: UserInfo['extra'];
    resourceAttributes: ResourceAttributes;
  };
  status?: { allowed?: boolean; reason?: string };
}

const TOKEN_REVIEWS: ResourceRef<TokenReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
};

const ACCESS_REVIEWS: ResourceRef<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
};

interface SelfReview extends KubeObject {
  status?: { userInfo?: Partial<UserInfo> };
}

const SELF_REVIEWS: ResourceRef<SelfReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
};

type Creator = Pick<KubeClient, 'create'>;

/** Asks the API server whose token this is. Undefined when it is not valid, or not for this audience (by default, the API server's). */
export async function reviewToken(
  client: Creator,
  token: string,
  audience?: string,
): Promise<UserInfo | undefined> {
  const { status } = await client.create(TOKEN_REVIEWS, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    // Without a name: the API server answers, and stores nothing.
    metadata: { name: '' },
    spec: { token, ...(audience === undefined ? {} : { audiences: [audience] }) },
  });
  const isFor = audience === undefined || status?.audiences?.includes(audience) === true;
  const { username, ...user } = status?.user ?? {};
  if (status?.authenticated !== true || !isFor || username === undefined) return undefined;
  return { username, ...user };
}

/** Asks the API server who makes the requests of this client, as `kubectl auth whoami` does: the name of the user. */
export async function whoAmI(client: Creator): Promise<string> {
  const { status } = await client.create(SELF_REVIEWS, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
    metadata: { name: '' },
  });
  const name = status?.userInfo?.username;
  if (name === undefined) throw new Error('the API server does not say who you are (kubectl auth whoami)');
  return name;
}

/** Asks the API server whether the user may do this. */
export async function reviewAccess(
  client: Creator,
  { username, ...user }: UserInfo,
  resourceAttributes: ResourceAttributes,
): Promise<{ readonly allowed: boolean; readonly reason?: string }> {
  const { status } = await client.create(ACCESS_REVIEWS, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: { name: '' },
    spec: { user: username, ...user, resourceAttributes },
  });
  return { allowed: status?.allowed === true, ...(status?.reason ? { reason: status.reason } : {}) };
}
