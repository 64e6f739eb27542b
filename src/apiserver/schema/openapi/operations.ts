/** The paths and operations of a kind, in a form common to both OpenAPI versions. */

import type { OpenApiKind } from '../../types.ts';
import { metaName, SCALE } from './definitions.ts';
import { basePath, definitionOf, groupVersionWord, listDefinitionOf, tagOf } from './names.ts';
import { DELETE, LIST, NAMESPACE, nameOf, PATCH, type Parameter, PRETTY, READ, WRITE } from './parameters.ts';

export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly id: string;
  readonly tag: string;
  readonly description: string;
  /** `x-kubernetes-action`. */
  readonly action: string;
  readonly parameters: readonly Parameter[];
  readonly body:
    | { readonly types: readonly string[]; readonly definition: string; readonly required: boolean }
    | undefined;
  /** Definition of the answer by status code. */
  readonly answers: Readonly<Record<string, string>>;
}

export interface Path {
  readonly path: string;
  /** Parameters of all its operations. */
  readonly parameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

export const CONTENT_TYPES = ['application/json', 'application/yaml'] as const;

const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
];

/** Strategic merge is for Kubernetes' own kinds. */
function patchTypes(kind: OpenApiKind): readonly string[] {
  return kind.definitionName === undefined
    ? PATCH_TYPES
    : [...PATCH_TYPES, 'application/strategic-merge-patch+json'];
}

/** All paths of a kind. */
export function pathsOf(kind: OpenApiKind): Path[] {
  const base = basePath(kind);
  const scope = kind.namespaced ? '/namespaces/{namespace}' : '';
  const place = kind.namespaced ? [NAMESPACE, PRETTY] : [PRETTY];
  const collection = `${base}${scope}/${kind.plural}`;
  const item = `${collection}/{name}`;
  const itemParameters = [nameOf(kind.kind), ...place];
  return [
    { path: collection, parameters: place, operations: collectionOperations(kind) },
    { path: item, parameters: itemParameters, operations: itemOperations(kind) },
    ...kind.subresources.map((name) => ({
      path: `${item}/${name}`,
      parameters: itemParameters,
      operations: subresourceOperations(kind, name),
    })),
    ...(kind.namespaced ? [everywhere(kind, `${base}/${kind.plural}`)] : []),
  ];
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function operation(
  kind: OpenApiKind,
  verb: string,
  suffix: string,
  rest: Omit<Operation, 'id' | 'tag' | 'body'> & { body?: Operation['body'] },
): Operation {
  const scope = kind.namespaced ? 'Namespaced' : '';
  const id = `${verb.replace('Collection', '')}${groupVersionWord(kind)}${verb.endsWith('Collection') ? 'Collection' : ''}${scope}${kind.kind}${suffix}`;
  return { body: undefined, ...rest, id, tag: tagOf(kind) };
}

function bodyOf(
  definition: string,
  types: readonly string[] = CONTENT_TYPES,
  required = true,
): Operation['body'] {
  return { types, definition, required };
}

function collectionOperations(kind: OpenApiKind): Operation[] {
  const own = definitionOf(kind);
  return [
    operation(kind, 'list', '', {
      method: 'get',
      description: `list objects of kind ${kind.kind}`,
      action: 'list',
      parameters: LIST,
      answers: { 200: listDefinitionOf(kind) },
    }),
    operation(kind, 'create', '', {
      method: 'post',
      description: `create a ${kind.kind}`,
      action: 'post',
      parameters: WRITE,
      body: bodyOf(own),
      answers: { 200: own, 201: own, 202: own },
    }),
    operation(kind, 'deleteCollection', '', {
      method: 'delete',
      description: `delete collection of ${kind.kind}`,
      action: 'deletecollection',
      parameters: LIST,
      answers: { 200: metaName('Status') },
    }),
  ];
}

function itemOperations(kind: OpenApiKind): Operation[] {
  const status = metaName('Status');
  const deletion = operation(kind, 'delete', '', {
    method: 'delete',
    description: `delete a ${kind.kind}`,
    action: 'delete',
    parameters: DELETE,
    body: bodyOf(metaName('DeleteOptions'), CONTENT_TYPES, false),
    answers: { 200: status, 202: status },
  });
  return [...readAndWrite(kind, '', 'the specified', definitionOf(kind)), deletion];
}

function subresourceOperations(kind: OpenApiKind, name: 'status' | 'scale'): Operation[] {
  const definition = name === 'scale' ? SCALE : definitionOf(kind);
  return readAndWrite(kind, capital(name), `${name} of the specified`, definition);
}

function readAndWrite(kind: OpenApiKind, suffix: string, what: string, definition: string): Operation[] {
  return [
    operation(kind, 'read', suffix, {
      method: 'get',
      description: `read ${what} ${kind.kind}`,
      action: 'get',
      parameters: READ,
      answers: { 200: definition },
    }),
    operation(kind, 'replace', suffix, {
      method: 'put',
      description: `replace ${what} ${kind.kind}`,
      action: 'put',
      parameters: WRITE,
      body: bodyOf(definition),
      answers: { 200: definition, 201: definition },
    }),
    operation(kind, 'patch', suffix, {
      method: 'patch',
      description: `partially update ${what} ${kind.kind}`,
      action: 'patch',
      parameters: PATCH,
      body: bodyOf(metaName('Patch'), patchTypes(kind)),
      answers: { 200: definition },
    }),
  ];
}

/** Objects of all namespaces. */
function everywhere(kind: OpenApiKind, path: string): Path {
  const list: Operation = {
    method: 'get',
    id: `list${groupVersionWord(kind)}${kind.kind}ForAllNamespaces`,
    tag: tagOf(kind),
    description: `list objects of kind ${kind.kind}`,
    action: 'list',
    parameters: [],
    body: undefined,
    answers: { 200: listDefinitionOf(kind) },
  };
  return { path, parameters: [...LIST, PRETTY], operations: [list] };
}
