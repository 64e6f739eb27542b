import { ann, bind, maps, role, user } from './access-terms.ts';
import { as, type Case, get, post, type Step, story } from './case.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1';

function review(kind: string, spec: object): object {
  return { apiVersion: 'authorization.k8s.io/v1', kind, spec };
}

function accessReview(spec: object): Step {
  return post(`${REVIEWS}/subjectaccessreviews`, review('SubjectAccessReview', spec));
}

/** kube-apiserver lists the rules in no order. */
function rulesReview(spec: object): Step {
  const sorted = (list: unknown[] = []): string[] => list.map((rule) => JSON.stringify(rule)).toSorted();
  const view = (body: unknown): unknown => {
    const { status, ...rest } = body as { status: unknown };
    if (typeof status !== 'object' || status === null) return body;
    const { resourceRules, nonResourceRules, ...others } = status as Record<string, unknown[]>;
    return { ...rest, ...others, rules: [sorted(resourceRules), sorted(nonResourceRules)] };
  };
  return { ...post(`${REVIEWS}/selfsubjectrulesreviews`, review('SelfSubjectRulesReview', spec)), view };
}

function tokenReview(spec: unknown, fields: object = {}): Step {
  return post('/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec,
    ...fields,
  });
}

const mayList = (namespace: string) => ({ namespace, verb: 'list', resource: 'configmaps' });

/** Questions about what somebody may do. */
export const reviews: readonly Case[] = [
  story(
    'reviews of access',
    role('r', maps('list')),
    bind(user('ann'), 'Role', 'r'),
    {
      ...accessReview({ user: 'ann', resourceAttributes: mayList('{ns}') }),
      until: (_, body) => (body as { status: { allowed: boolean } }).status.allowed,
    },
    accessReview({ user: 'ann', resourceAttributes: mayList('other') }),
    accessReview({ user: 'bea', resourceAttributes: mayList('{ns}') }),
    accessReview({ user: 'root', groups: ['system:masters'], resourceAttributes: mayList('{ns}') }),
    accessReview({
      user: 'ann',
      groups: ['system:authenticated'],
      nonResourceAttributes: { path: '/api', verb: 'get' },
    }),
    accessReview({ user: 'ann', nonResourceAttributes: { path: '/metrics', verb: 'get' } }),
  ),
  story(
    'reviews of nothing',
    accessReview({ user: 'ann' }),
    accessReview({ user: 'ann', resourceAttributes: {}, nonResourceAttributes: {} }),
  ),
  story('reviews of nobody', accessReview({ resourceAttributes: mayList('{ns}') })),
  story(
    'a review of oneself',
    post(
      `${REVIEWS}/selfsubjectaccessreviews`,
      review('SelfSubjectAccessReview', { resourceAttributes: mayList('{ns}') }),
    ),
    ann(
      post(
        `${REVIEWS}/selfsubjectaccessreviews`,
        review('SelfSubjectAccessReview', { resourceAttributes: mayList('{ns}') }),
      ),
    ),
  ),
  story(
    'a review of oneself of nothing',
    ann(post(`${REVIEWS}/selfsubjectaccessreviews`, review('SelfSubjectAccessReview', {}))),
  ),
  story(
    'a local review',
    post(`${REVIEWS}/namespaces/{ns}/localsubjectaccessreviews`, {
      ...review('LocalSubjectAccessReview', { user: 'ann', resourceAttributes: mayList('{ns}') }),
      metadata: { namespace: '{ns}' },
    }),
  ),
  story(
    'a local review of another namespace',
    post(`${REVIEWS}/namespaces/{ns}/localsubjectaccessreviews`, {
      ...review('LocalSubjectAccessReview', { user: 'ann', resourceAttributes: mayList('other') }),
      metadata: { namespace: '{ns}' },
    }),
  ),
  story('a review of the wrong kind', post(`${REVIEWS}/subjectaccessreviews`, review('TokenReview', {}))),
  story('a token that is none', tokenReview({ token: 'x' })),
  story('a token review without a token', tokenReview({})),
  story('who may review', ann(accessReview({ user: 'x', resourceAttributes: mayList('{ns}') }))),
  story(
    'reviews are not read',
    get(`${REVIEWS}/subjectaccessreviews`),
    get(`${REVIEWS}/subjectaccessreviews/x`),
  ),
  story(
    'a token review with values of other types',
    tokenReview({ token: 7 }),
    tokenReview({ token: 'x', audiences: 'a' }),
    tokenReview({ token: 'x', audiences: [7] }),
    tokenReview(7),
    tokenReview([]),
    tokenReview(null),
  ),
  story(
    'a review of all rights that one has',
    rulesReview({ namespace: '{ns}' }),
    rulesReview({}),
    as('nobody', rulesReview({ namespace: '{ns}' }), 'system:authenticated'),
    as('nobody', rulesReview({ namespace: 'not-there' })),
  ),
  story(
    'a review of access with values of other types',
    accessReview({ user: 7 }),
    accessReview({ user: 'ann', uid: true }),
    accessReview({ user: 'ann', groups: 'a' }),
    accessReview({ user: 'ann', groups: ['a', {}] }),
    accessReview({ user: 'ann', extra: { a: 'b' } }),
    accessReview({ user: 'ann', extra: ['b'] }),
    accessReview({ user: 'ann', resourceAttributes: 'x' }),
    accessReview({ user: 'ann', resourceAttributes: [] }),
    accessReview({ user: 'ann', resourceAttributes: { verb: 7 } }),
    accessReview({ user: 'ann', resourceAttributes: { labelSelector: { requirements: {} } } }),
    accessReview({ user: 'ann', resourceAttributes: { fieldSelector: { rawSelector: 1.5 } } }),
    accessReview({ user: 'ann', nonResourceAttributes: { path: [] } }),
  ),
  story(
    'a review of oneself with values of other types',
    post(
      `${REVIEWS}/selfsubjectaccessreviews`,
      review('SelfSubjectAccessReview', { resourceAttributes: { verb: {} } }),
    ),
    post(`${REVIEWS}/selfsubjectrulesreviews`, review('SelfSubjectRulesReview', { namespace: 7 })),
  ),
  story(
    'a local review with values of other types',
    post(
      `${REVIEWS}/namespaces/{ns}/localsubjectaccessreviews`,
      review('LocalSubjectAccessReview', { user: [] }),
    ),
  ),
  story(
    'a review with strange fields',
    accessReview({ user: 'ann', shoe: 46, resourceAttributes: { ...mayList('{ns}'), shoe: 46 } }),
    tokenReview({ token: 'x', shoe: 46 }),
    tokenReview({ token: 'x' }, { shoe: 46 }),
  ),
  story(
    'a review with metadata',
    tokenReview({ token: 'x' }, { metadata: { name: 'n', labels: { a: 'b' } } }),
    tokenReview({ token: 'x' }, { metadata: { name: 7 } }),
    tokenReview({ token: 'x' }, { metadata: 7 }),
    tokenReview({ token: 'x' }, { metadata: { shoe: 46 } }),
    tokenReview({ token: 'x' }, { status: 7 }),
    tokenReview({ token: 'x' }, { status: { authenticated: 'yes' } }),
    tokenReview({ token: 'x' }, { status: { authenticated: true } }),
  ),
];
