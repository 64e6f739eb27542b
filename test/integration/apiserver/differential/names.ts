/** Names that are good and bad in every way, wherever something has a name. */

import { type Case, CONFIG_MAPS, CRDS, configMap, post, type Step, story, WIDGETS, widget } from './case.ts';

/** Each as it is, and after a prefix. */
const PARTS = [
  ...['a', 'A', 'a.b', 'a_b', 'a-b', '1', ''],
  ...['-', 'a-', '.', '..', 'a.', 'a..b', 'a b', 'a\n', 'a%b', '_', 'a!', '\u00e9', '\u{1f600}'],
  ...['a'.repeat(63), 'a'.repeat(64), `${'A'.repeat(64)}!`, '\u00e9'.repeat(32), '\u{1f600}'.repeat(16)],
  ...['a'.repeat(253), 'a'.repeat(254), `${'A'.repeat(254)}`],
] as const;
const PREFIXED = [
  ...PARTS.map((part) => `${part}/a`),
  ...['a.b/A', 'a/', '/', 'a/b/c', '//', 'a/b!', `a/${'a'.repeat(64)}`, `A/${'a'.repeat(64)}!`],
];

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const dry = (path: string): string => `${path}?dryRun=All`;

/** The name in all places where it may have a prefix, or is the value of a label. */
function inMetadata(name: string): Step {
  const labels = { [name]: name };
  return post(
    dry(CONFIG_MAPS),
    configMap('c', {}, { labels, annotations: { [name]: '' }, finalizers: [name] }),
  );
}

const role = (metadata: object): object => ({ metadata, rules: [] });
/** Makes an object of the kind with such metadata, for each rule of names that there is. */
const KINDS: Readonly<Record<string, (metadata: object) => Step>> = {
  ConfigMap: (metadata) => post(dry(CONFIG_MAPS), { metadata }),
  Widget: (metadata) => post(dry(WIDGETS), { ...widget('w'), metadata }),
  Namespace: (metadata) => post(dry('/api/v1/namespaces'), { metadata }),
  Role: (metadata) => post(dry(`${RBAC}/namespaces/{ns}/roles`), role(metadata)),
  Lease: (metadata) => post(dry('/apis/coordination.k8s.io/v1/namespaces/{ns}/leases'), { metadata }),
};

/** A definition with the name as that part of its own. */
function definition(part: string, name: string): Step {
  const good = {
    plural: 'things',
    kind: 'Thing',
    singular: 'thing',
    version: 'v1',
    group: 'n.example',
    short: 't',
  };
  const { plural, kind, singular, version, group, short }: typeof good = { ...good, ...{ [part]: name } };
  const schema = { openAPIV3Schema: { type: 'object' } };
  const names = { plural, singular, kind, listKind: `${kind}List`, shortNames: [short], categories: [short] };
  const versions = [{ name: version, served: true, storage: true, schema }];
  return post(dry(CRDS), {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: { group, scope: 'Namespaced', names, versions },
  });
}

/** A selector of a field, whose keys and values are named like labels. */
function selected(name: string): Step {
  const expression = { key: name, operator: 'In', values: [name] };
  const selector = { matchLabels: { [name]: name }, matchExpressions: [expression] };
  return post(dry(`${RBAC}/clusterroles`), {
    metadata: { name: 'r' },
    aggregationRule: { clusterRoleSelectors: [selector] },
  });
}

export const names: readonly Case[] = [
  story('names in metadata', ...PARTS.map(inMetadata)),
  story('names with a prefix in metadata', ...PREFIXED.map(inMetadata)),
  story('names in selectors of a role', ...[...PARTS, ...PREFIXED].map(selected)),
  ...Object.entries(KINDS).map(([kind, make]) =>
    story(
      `names of a ${kind}`,
      ...PARTS.map((name) => make({ name })),
      ...PARTS.map((part) => make({ name: 'n', generateName: part })),
    ),
  ),
  ...['plural', 'kind', 'singular', 'version', 'group', 'short'].map((part) =>
    story(`names of a definition: ${part}`, ...PARTS.map((name) => definition(part, name))),
  ),
];
