import { pushAll } from '../../base/push-all.ts';
import type { BindingObject, RoleObject, Subject } from '../auth/rbac/policy.ts';
import { type PolicyRule, RBAC_GROUP } from '../auth/rbac/rules.ts';
import { subdomainProblems } from '../meta/names.ts';
import type { FieldError } from '../types.ts';
import { type LabelSelector, selectorErrors } from './selector-rules.ts';

/** Role names need only be valid path segments: `system:basic-user`. */
export function pathSegmentProblems(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  const bad = ['/', '%'].filter((character) => name.includes(character));
  return bad.map((character) => `may not contain '${character}'`);
}

function required(field: string, detail = ''): FieldError {
  return { type: 'Required', field, detail };
}

function unsupported(field: string, value: string, supported: readonly string[]): FieldError {
  const detail = `supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`;
  return { type: 'NotSupported', field, value, detail };
}

/** What is wrong with a Role or ClusterRole. */
export function roleErrors({ rules, aggregationRule }: RoleObject, isNamespaced: boolean): FieldError[] {
  const errors = (rules ?? []).flatMap((rule, index) => ruleErrors(rule, `rules[${index}]`, isNamespaced));
  if (aggregationRule !== undefined && (aggregationRule.clusterRoleSelectors ?? []).length === 0) {
    const detail = 'at least one clusterRoleSelector required if aggregationRule is non-nil';
    errors.push(required('aggregationRule.clusterRoleSelectors', detail));
  }
  const selectors = (aggregationRule?.clusterRoleSelectors ?? []) as LabelSelector[];
  return [
    ...errors,
    ...selectors.flatMap((selector, index) =>
      selectorErrors(selector, `aggregationRule.clusterRoleSelectors[${index}]`),
    ),
  ];
}

function ruleErrors(rule: PolicyRule, path: string, isNamespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
  if ((verbs ?? []).length === 0)
    errors.push(required(`${path}.verbs`, 'verbs must contain at least one value'));
  if (urls.length > 0) {
    const invalid = (detail: string): FieldError => ({
      type: 'Invalid',
      field: `${path}.nonResourceURLs`,
      value: urls,
      detail,
    });
    if (isNamespaced) errors.push(invalid('namespaced rules cannot apply to non-resource URLs'));
    if ([apiGroups, resources, resourceNames].some((list) => list.length > 0)) {
      errors.push(invalid('rules cannot apply to both regular resources and non-resource URLs'));
    }
    return errors;
  }
  if (apiGroups.length === 0) {
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (resources.length === 0) {
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}

/** What is wrong with a RoleBinding or ClusterRoleBinding. */
export function bindingErrors(
  { roleRef, subjects = [] }: BindingObject,
  old: BindingObject | undefined,
  isNamespaced: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  const kinds = isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (apiGroup !== RBAC_GROUP) errors.push(unsupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP]));
  if (!kinds.includes(kind)) errors.push(unsupported('roleRef.kind', kind, kinds));
  if (name === '') errors.push(required('roleRef.name'));
  for (const detail of pathSegmentProblems(name)) {
    errors.push({ type: 'Invalid', field: 'roleRef.name', value: name, detail });
  }
  pushAll(
    errors,
    subjects.flatMap((subject, index) => subjectErrors(subject, `subjects[${index}]`, isNamespaced)),
  );
  if (old !== undefined && JSON.stringify(refOf(old)) !== JSON.stringify(refOf({ roleRef }))) {
    const value = { APIGroup: apiGroup, Kind: kind, Name: name };
    errors.push({ type: 'Invalid', field: 'roleRef', value, detail: 'cannot change roleRef' });
  }
  return errors;
}

function refOf({ roleRef }: Pick<BindingObject, 'roleRef'>): unknown {
  return [roleRef?.apiGroup, roleRef?.kind, roleRef?.name];
}

function subjectErrors(
  { kind, apiGroup = '', name = '', namespace = '' }: Subject,
  path: string,
  isNamespaced: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(`${path}.name`));
  switch (kind) {
    case 'ServiceAccount': {
      for (const detail of name === '' ? [] : subdomainProblems(name)) {
        errors.push({ type: 'Invalid', field: `${path}.name`, value: name, detail });
      }
      if (apiGroup !== '') errors.push(unsupported(`${path}.apiGroup`, apiGroup, ['']));
      if (!isNamespaced && namespace === '') errors.push(required(`${path}.namespace`));
      break;
    }
    case 'User':
    case 'Group':
      if (apiGroup !== RBAC_GROUP) errors.push(unsupported(`${path}.apiGroup`, apiGroup, [RBAC_GROUP]));
      break;
    default:
      errors.push(unsupported(`${path}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group']));
  }
  return errors;
}
