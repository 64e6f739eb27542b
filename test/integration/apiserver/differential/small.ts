/** Bodies of an apply that are hardly any, namespaces without finalizers, and roles that collect from none. */

import { CLUSTER_ROLES, maps, rbac, widgets } from './access-terms.ts';
import {
  type Case,
  CONFIG_MAPS,
  get,
  merge,
  patch,
  post,
  put,
  quietly,
  remove,
  type Step,
  story,
  until,
  untilGone,
  WIDGETS,
} from './case.ts';

const NAMESPACES = '/api/v1/namespaces';
const ONE = `${NAMESPACES}/x-{ns}`;

const BODIES = [
  ...[
    '',
    ' ',
    '\n',
    '---',
    '---\n---\n',
    '# nothing',
    'null',
    '~',
    '{}',
    '[]',
    '""',
    'a',
    '1',
    'true',
    '1.5',
  ],
  ...[
    'a: b',
    'kind: ConfigMap',
    'apiVersion: v1',
    'kind: ConfigMap\napiVersion: v1',
    'kind: 1\napiVersion: v1',
  ],
  ...['kind: ConfigMap\napiVersion: 1', 'kind:\napiVersion: v1', 'kind: {}\napiVersion: []', '- a', '[{}]'],
  ...[
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":null}',
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":1}',
  ],
] as const;
const APPLY = 'application/apply-patch+yaml';

const applied = (path: string): readonly Step[] =>
  BODIES.map((body) => patch(APPLY, `${path}?fieldManager=m&dryRun=All`, body));

const finalized = (ofSpec: readonly string[], ofObject: readonly string[]): Step =>
  put(`${ONE}/finalize`, {
    metadata: { name: 'x-{ns}', finalizers: ofObject },
    spec: { finalizers: ofSpec },
  });

/** A namespace with these finalizers in its spec, and of its own. */
function deletion(ofSpec: readonly string[], ofObject: readonly string[]): Case {
  return story(
    `delete a namespace with finalizers [${ofSpec}] in its spec and [${ofObject}] of its own`,
    quietly(post(NAMESPACES, { metadata: { name: 'x-{ns}', finalizers: ofObject } })),
    finalized(ofSpec, ofObject),
    remove(`${ONE}?dryRun=All`),
    remove(ONE),
    ...(ofSpec.length > 0 ? [] : [remove(ONE), ...(ofObject.length > 0 ? [remove(ONE)] : [])]),
    ...(ofSpec.includes('a/b') ? [quietly(finalized([], ofObject))] : []),
    ...(ofObject.length > 0 ? [quietly(merge(ONE, { metadata: { finalizers: null } }))] : []),
    untilGone(ONE),
  );
}

const SUM = `${CLUSTER_ROLES}/{ns}-sum`;
const collecting = { clusterRoleSelectors: [{ matchLabels: { part: '{ns}' } }] };
const part = (name: string, rules: unknown): Step =>
  post(CLUSTER_ROLES, {
    ...rbac('ClusterRole', name, { rules }),
    metadata: { name, labels: { part: '{ns}' } },
  });
const sum = (fields: object): Step =>
  post(CLUSTER_ROLES, rbac('ClusterRole', '{ns}-sum', { aggregationRule: collecting, ...fields }));
const collected = (word: string): Step =>
  until(SUM, ({ rules }: { rules: unknown }) => JSON.stringify(rules ?? null).includes(word));
const emptied: Step = until(SUM, ({ rules }: { rules: unknown[] | null }) => (rules ?? []).length === 0);

/** A role that collects, made with such rules of its own. */
function collector(what: string, fields: object): Case {
  return story(
    `an aggregated role with ${what}`,
    quietly(sum(fields)),
    quietly(part('{ns}-a', [maps('get')])),
    collected('"get"'),
    quietly(part('{ns}-b', null)),
    quietly(merge(`${CLUSTER_ROLES}/{ns}-b`, { rules: [widgets('get')] })),
    collected('widgets'),
    quietly(merge(`${CLUSTER_ROLES}/{ns}-a`, { metadata: { labels: null } })),
    until(SUM, ({ rules }: { rules: unknown[] | null }) => (rules ?? []).length === 1),
    quietly(remove(`${CLUSTER_ROLES}/{ns}-b`)),
    emptied,
    get(SUM),
    quietly(remove(SUM)),
  );
}

export const small: readonly Case[] = [
  story('apply hardly anything to a built-in kind', ...applied(`${CONFIG_MAPS}/c`)),
  story('apply hardly anything to a custom resource', ...applied(`${WIDGETS}/w`)),
  story('apply hardly anything to a status', ...applied(`${WIDGETS}/w/status`)),
  ...[[], ['kubernetes'], ['a/b']].flatMap((ofSpec) =>
    [[], ['example.com/f']].map((ofObject) => deletion(ofSpec, ofObject)),
  ),
  collector('no rules', {}),
  collector('an empty list of rules', { rules: [] }),
  collector('null for rules', { rules: null }),
  collector('rules of its own', { rules: [maps('list')] }),
];
