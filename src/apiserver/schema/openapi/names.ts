/** How OpenAPI documents name groups, versions, kinds and operations. */

import type { OpenApiKind } from '../../types.ts';

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** `coordination.k8s.io` → `coordination`, `coppice.dev` → `coppiceDev`, the core group → `core`. */
function groupWord(group: string): string {
  if (group === '') return 'core';
  const [first = '', ...others] = group.replace(/\.k8s\.io$/, '').split(/[.-]/);
  return [first, ...others.map(capital)].join('');
}

/** The tag of a group-version's operations: `coppiceDev_v1alpha1`. */
export function tagOf({ group, version }: OpenApiKind): string {
  return `${groupWord(group)}_${version}`;
}

/** The middle of an operation's id: `CoppiceDevV1alpha1`. */
export function groupVersionWord({ group, version }: OpenApiKind): string {
  return capital(groupWord(group)) + capital(version);
}

/** `/api/v1` or `/apis/coppice.dev/v1alpha1`. */
export function basePath({ group, version }: OpenApiKind): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** `dev.coppice.v1alpha1.Template`, or the name that kube gives one of its own kinds. */
export function definitionOf(kind: OpenApiKind): string {
  if (kind.definitionName !== undefined) return kind.definitionName;
  return [...kind.group.split('.').reverse(), kind.version, kind.kind].join('.');
}

/** The name of the list's definition. */
export function listDefinitionOf(kind: OpenApiKind): string {
  const name = definitionOf(kind);
  return `${name.slice(0, name.length - kind.kind.length)}${kind.listKind}`;
}
