import type { Authorize, User } from '../auth/types.ts';
import { decodeObject, type RequestBody } from '../codec/decode.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { badRequest, invalid } from '../status-errors.ts';
import type { JsonObject, JsonValue } from '../types.ts';

/** Kinds that are questions: they are posted, answered, and never stored. */
interface ReviewKind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

function authorization(plural: string, kind: string, namespaced = false): ReviewKind {
  return { group: 'authorization.k8s.io', version: 'v1', plural, kind, namespaced };
}

function authentication(plural: string, kind: string): ReviewKind {
  return { group: 'authentication.k8s.io', version: 'v1', plural, kind, namespaced: false };
}

export const REVIEW_KINDS: readonly ReviewKind[] = [
  authorization('localsubjectaccessreviews', 'LocalSubjectAccessReview', true),
  authorization('selfsubjectaccessreviews', 'SelfSubjectAccessReview'),
  authorization('selfsubjectrulesreviews', 'SelfSubjectRulesReview'),
  authorization('subjectaccessreviews', 'SubjectAccessReview'),
  authentication('selfsubjectreviews', 'SelfSubjectReview'),
  authentication('tokenreviews', 'TokenReview'),
];

/** Who can answer: the rule, and the tokens. */
export interface Reviewer {
  readonly authorize: Authorize;
  lookUpToken(token: string): User | undefined;
}

interface Asked {
  spec: JsonObject;
  user: User;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function child(object: JsonObject, name: string): JsonObject | undefined {
  const value = object[name];
  return isJsonObject(value) ? value : undefined;
}

function mayDo(reviewer: Reviewer, user: User, spec: JsonObject): JsonObject {
  const resource = child(spec, 'resourceAttributes');
  const path = child(spec, 'nonResourceAttributes');
  if ((resource === undefined) === (path === undefined)) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    const error = { type: 'Invalid', field: 'spec.resourceAttributes', valueText: 'null', detail } as const;
    throw invalid({ group: 'authorization.k8s.io', name: 'SubjectAccessReview' }, '', [error]);
  }
  const { allowed, reason } = reviewer.authorize({
    user,
    verb: text((resource ?? path)?.verb),
    path: path === undefined ? undefined : text(path.path),
    group: text(resource?.group),
    version: text(resource?.version),
    resource: text(resource?.resource),
    subresource: text(resource?.subresource) || undefined,
    namespace: text(resource?.namespace) || undefined,
    name: text(resource?.name) || undefined,
  });
  return { allowed, ...(reason ? { reason } : {}) };
}

function subjectOf(spec: JsonObject): User {
  const groups = Array.isArray(spec.groups) ? spec.groups.filter((group) => typeof group === 'string') : [];
  return { name: text(spec.user), groups };
}

/** Only what is allowed to all can be listed for others than the masters: the hook cannot be asked for its rules. */
function rules(reviewer: Reviewer, { user, spec }: Asked): JsonObject {
  const everything = { user, verb: '*', path: undefined, group: '*', version: '*', resource: '*' };
  const request = { ...everything, subresource: undefined, namespace: text(spec.namespace), name: undefined };
  const all = reviewer.authorize(request).allowed;
  const reviews = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'];
  const basic: JsonObject[] = [
    { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: reviews },
  ];
  const paths = [
    '/api',
    '/api/*',
    '/apis',
    '/apis/*',
    '/healthz',
    '/livez',
    '/openapi',
    '/openapi/*',
    '/readyz',
    '/version',
  ];
  return {
    resourceRules: all ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] : basic,
    nonResourceRules: all
      ? [{ verbs: ['*'], nonResourceURLs: ['*'] }]
      : [{ verbs: ['get'], nonResourceURLs: paths }],
    incomplete: !all,
  };
}

function tokenStatus(reviewer: Reviewer, spec: JsonObject): JsonObject {
  const user = reviewer.lookUpToken(text(spec.token));
  if (user === undefined) return { authenticated: false, error: 'the token is not known' };
  return { authenticated: true, user: { username: user.name, groups: [...user.groups] } };
}

function statusOf(kind: string, reviewer: Reviewer, asked: Asked): JsonObject {
  const { spec, user } = asked;
  switch (kind) {
    case 'SelfSubjectAccessReview':
      return mayDo(reviewer, user, spec);
    case 'SelfSubjectRulesReview':
      return rules(reviewer, asked);
    case 'SelfSubjectReview':
      return { userInfo: { username: user.name, groups: [...user.groups] } };
    case 'TokenReview':
      return tokenStatus(reviewer, spec);
    default:
      return mayDo(reviewer, subjectOf(spec), spec);
  }
}

export function findReview(group: string, version: string, plural: string): ReviewKind | undefined {
  return REVIEW_KINDS.find(
    (kind) => kind.group === group && kind.version === version && kind.plural === plural,
  );
}

/** Answers a review: the object as sent, with its status. */
export function handleReview(
  review: ReviewKind,
  reviewer: Reviewer,
  user: User,
  body: RequestBody,
): JsonObject {
  const { object } = decodeObject(body, review.kind, true);
  const apiVersion = `${review.group}/${review.version}`;
  if ((object.apiVersion ?? apiVersion) !== apiVersion || (object.kind ?? review.kind) !== review.kind) {
    throw badRequest(
      `the API version in the data (${text(object.apiVersion)}) does not match the expected API version (${apiVersion})`,
    );
  }
  const spec = child(object, 'spec') ?? {};
  const metadata = child(object, 'metadata') ?? {};
  const status = statusOf(review.kind, reviewer, { spec, user });
  const { kind } = review;
  return { kind, apiVersion, metadata, ...(kind === 'SelfSubjectReview' ? {} : { spec }), status };
}
