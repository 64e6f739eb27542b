import { type Case, CONFIG_MAPS, get, post, quietly, type Step, story } from './case.ts';

const AUTHENTICATION = '/apis/authentication.k8s.io/v1';
const RBAC = '/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}';
const OURS = 'https://kubernetes.default.svc';
const DORA = 'token-of-dora';
const EVE = 'token-of-eve';

function tokenReview(token: string, audiences?: readonly string[]): Step {
  return post(`${AUTHENTICATION}/tokenreviews`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, ...(audiences === undefined ? {} : { audiences }) },
  });
}

const whoAmI = post(`${AUTHENTICATION}/selfsubjectreviews`, {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'SelfSubjectReview',
});

const by = (token: string, step: Step): Step => ({ ...step, token });

/** Each server has a certificate of its own for its administrator. */
function withoutFingerprint(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body).replace(/(?<=X509SHA256=)[0-9a-f]{64}/, 'FINGERPRINT'));
}

/** Who is known by what they show, and what reviews say of them. */
export const identities: readonly Case[] = [
  story('a token review of somebody with a uid and groups', tokenReview(DORA)),
  story('a token review of somebody with a name only', tokenReview(EVE)),
  story('a token review for audiences of which this is one', tokenReview(DORA, ['other', OURS])),
  story('a token review for another audience', tokenReview(DORA, ['other'])),
  story('a token review of no token for an audience', tokenReview('x', [OURS])),
  story('a token review for no audience', tokenReview(DORA, [])),
  story('a token review by somebody who may not', by(EVE, tokenReview(DORA))),
  story('who am I by a token', by(DORA, whoAmI), by(EVE, whoAmI)),
  story('who am I by a certificate', { ...whoAmI, view: withoutFingerprint }),
  story('a token that nobody has', by('x', get(CONFIG_MAPS)), by('x', whoAmI)),
  story(
    'somebody with a token is in the groups of its line',
    quietly(
      post(`${RBAC}/roles`, {
        metadata: { name: 'r' },
        rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }],
      }),
    ),
    quietly(
      post(`${RBAC}/rolebindings`, {
        metadata: { name: 'b' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'devs' }],
      }),
    ),
    { ...by(DORA, get(CONFIG_MAPS)), until: (status) => status === 200 },
    by(EVE, get(CONFIG_MAPS)),
  ),
];
