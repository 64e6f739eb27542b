import type { Attributes } from '../types.ts';

/** The group of the four kinds. */
export const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** `PolicyRule` of rbac.authorization.k8s.io/v1. */
export interface PolicyRule {
  readonly verbs?: readonly string[] | null;
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

function has(list: readonly string[] | null | undefined, value: string): boolean {
  return list?.includes(value) ?? false;
}

function hasAny(list: readonly string[] | null | undefined, value: string): boolean {
  return has(list, '*') || has(list, value);
}

/** Whether a rule permits a request. */
export function permits(rule: PolicyRule, { verb, path, group, name, ...what }: Attributes): boolean {
  if (!hasAny(rule.verbs, verb)) return false;
  if (path !== undefined) return pathMatches(rule.nonResourceURLs, path);
  const { resource, subresource } = what;
  const whole = subresource === undefined ? resource : `${resource}/${subresource}`;
  const isNamed = (rule.resourceNames?.length ?? 0) > 0;
  return (
    hasAny(rule.apiGroups, group) &&
    resourceMatches(rule.resources, whole) &&
    (!isNamed || has(rule.resourceNames, name ?? ''))
  );
}

/** `pods`, `pods/log`, the subresource of all (`*` + `/scale`) or everything (`*`). */
function resourceMatches(resources: readonly string[] | undefined, whole: string): boolean {
  const [, subresource] = whole.split('/');
  return hasAny(resources, whole) || (subresource !== undefined && has(resources, `*/${subresource}`));
}

function pathMatches(urls: readonly string[] | undefined, path: string): boolean {
  return (urls ?? []).some(
    (url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))),
  );
}

/** Splits a rule into one rule per verb and object: each is covered, or not, by itself. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const verbs = rule.verbs ?? [];
  const { resourceNames = [] } = rule;
  const resources = verbs.flatMap((verb) =>
    (rule.apiGroups ?? []).flatMap((group) =>
      (rule.resources ?? []).flatMap((resource) => {
        const one = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (resourceNames.length === 0) return [one];
        return resourceNames.map((name) => ({ ...one, resourceNames: [name] }));
      }),
    ),
  );
  const urls = (rule.nonResourceURLs ?? []).flatMap((url) =>
    verbs.map((verb) => ({ nonResourceURLs: [url], verbs: [verb] })),
  );
  return [...resources, ...urls];
}

/** Whether `owned` permits everything that the single rule `asked` permits. */
function covers(owned: PolicyRule, asked: PolicyRule): boolean {
  const all = (list: readonly string[] | undefined, test: (value: string) => boolean): boolean =>
    (list ?? []).every(test);
  const isUnnamed = (owned.resourceNames?.length ?? 0) === 0;
  const names =
    (asked.resourceNames?.length ?? 0) === 0
      ? isUnnamed
      : isUnnamed || all(asked.resourceNames, (name) => has(owned.resourceNames, name));
  return (
    all(asked.verbs ?? [], (verb) => hasAny(owned.verbs, verb)) &&
    all(asked.apiGroups, (group) => hasAny(owned.apiGroups, group)) &&
    all(asked.resources, (resource) => resourceMatches(owned.resources, resource)) &&
    all(asked.nonResourceURLs, (url) => pathMatches(owned.nonResourceURLs, url)) &&
    names
  );
}

/** The rights in `asked` that `owned` does not cover, as the fewest rules, described as kube does. */
export function missingRights(owned: readonly PolicyRule[], asked: readonly PolicyRule[]): string[] {
  const missing = asked.flatMap(breakDown).filter((rule) => !owned.some((one) => covers(one, rule)));
  const merged = Map.groupBy(missing, ({ verbs: _, ...object }) => JSON.stringify(object));
  const rules = [...merged.values()].map((same) => {
    const verbs = [...new Set(same.flatMap((rule) => rule.verbs ?? []))];
    return { ...same[0], verbs };
  });
  return [...new Set(rules.map(described))].sort();
}

function described(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const given = parts.flatMap(([name, list]) => (list?.length ? [`${name}:${goList(list)}`] : []));
  return `{${given.join(', ')}}`;
}

/** A list of strings as Go's `%q` prints it: `["a" "b"]`. */
export function goList(list: readonly string[]): string {
  return `[${list.map((item) => JSON.stringify(item)).join(' ')}]`;
}
