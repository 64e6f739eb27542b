/** Review kinds: a client posts a question, the server answers it, nothing is stored. */

import { type GoStruct, type GoType, pointer, texts } from '../codec/go-types.ts';

export interface ReviewKind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly spec: GoStruct | undefined;
  readonly status: GoStruct;
}

const TEXTS: GoType = { list: 'string' };
const EXTRA: GoType = { map: { name: 'ExtraValue', list: 'string' } };

function requirements(kind: 'Field' | 'Label'): GoStruct {
  const requirement = {
    name: `${kind}SelectorRequirement`,
    fields: { ...texts('key', 'operator'), values: TEXTS },
  };
  const fields = { rawSelector: 'string', requirements: { list: requirement } } as const;
  return { name: `${kind}SelectorAttributes`, fields };
}

const ATTRIBUTES: GoStruct['fields'] = {
  resourceAttributes: pointer({
    name: 'ResourceAttributes',
    fields: {
      ...texts('namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'),
      fieldSelector: pointer(requirements('Field')),
      labelSelector: pointer(requirements('Label')),
    },
  }),
  nonResourceAttributes: pointer({ name: 'NonResourceAttributes', fields: texts('path', 'verb') }),
};
const ACCESS: GoStruct = {
  name: 'SubjectAccessReviewSpec',
  fields: { ...ATTRIBUTES, user: 'string', groups: TEXTS, extra: EXTRA, uid: 'string' },
};
const OWN_ACCESS: GoStruct = { name: 'SelfSubjectAccessReviewSpec', fields: ATTRIBUTES };
const OWN_RULES: GoStruct = { name: 'SelfSubjectRulesReviewSpec', fields: texts('namespace') };
const TOKEN: GoStruct = { name: 'TokenReviewSpec', fields: { token: 'string', audiences: TEXTS } };

const VERDICT: GoStruct = {
  name: 'SubjectAccessReviewStatus',
  fields: { allowed: 'bool', denied: 'bool', ...texts('reason', 'evaluationError') },
};
const RULES: GoStruct = {
  name: 'SubjectRulesReviewStatus',
  fields: {
    resourceRules: {
      list: {
        name: 'ResourceRule',
        fields: { verbs: TEXTS, apiGroups: TEXTS, resources: TEXTS, resourceNames: TEXTS },
      },
    },
    nonResourceRules: {
      list: { name: 'NonResourceRule', fields: { verbs: TEXTS, nonResourceURLs: TEXTS } },
    },
    incomplete: 'bool',
    evaluationError: 'string',
  },
};
const USER: GoStruct = {
  name: 'UserInfo',
  fields: { ...texts('username', 'uid'), groups: TEXTS, extra: EXTRA },
};
const TOKEN_STATUS: GoStruct = {
  name: 'TokenReviewStatus',
  fields: { authenticated: 'bool', user: USER, audiences: TEXTS, error: 'string' },
};
const OWN_STATUS: GoStruct = { name: 'SelfSubjectReviewStatus', fields: { userInfo: USER } };

function authorization(plural: string, kind: string, spec: GoStruct, status: GoStruct): ReviewKind {
  const namespaced = kind.startsWith('Local');
  return { group: 'authorization.k8s.io', version: 'v1', plural, kind, namespaced, spec, status };
}

function authentication(
  plural: string,
  kind: string,
  spec: GoStruct | undefined,
  status: GoStruct,
): ReviewKind {
  return { group: 'authentication.k8s.io', version: 'v1', plural, kind, namespaced: false, spec, status };
}

export const REVIEW_KINDS: readonly ReviewKind[] = [
  authorization('localsubjectaccessreviews', 'LocalSubjectAccessReview', ACCESS, VERDICT),
  authorization('selfsubjectaccessreviews', 'SelfSubjectAccessReview', OWN_ACCESS, VERDICT),
  authorization('selfsubjectrulesreviews', 'SelfSubjectRulesReview', OWN_RULES, RULES),
  authorization('subjectaccessreviews', 'SubjectAccessReview', ACCESS, VERDICT),
  authentication('selfsubjectreviews', 'SelfSubjectReview', undefined, OWN_STATUS),
  authentication('tokenreviews', 'TokenReview', TOKEN, TOKEN_STATUS),
];

export function findReview(group: string, version: string, plural: string): ReviewKind | undefined {
  return REVIEW_KINDS.find(
    (kind) => kind.group === group && kind.version === version && kind.plural === plural,
  );
}
