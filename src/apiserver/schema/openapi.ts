/** OpenAPI documents of the served kinds: version 3 per group-version, and one version 2 document for all. */

import type { OpenApiKind } from '../types.ts';
import { metaDefinitions, type OpenApiSchema, scaleDefinitions } from './openapi/definitions.ts';
import { kindDefinitions } from './openapi/kind-schema.ts';
import { CONTENT_TYPES, type Operation, type Path, pathsOf } from './openapi/operations.ts';
import type { Parameter } from './openapi/parameters.ts';

/** The version of Kubernetes whose API this is. */
const VERSION = '1.36';

/** The document of one group-version; all `kinds` are of it. */
export function buildOpenApiV3(kinds: readonly OpenApiKind[]): object {
  const schemas = withReferences(definitionsOf(kinds, 3), '#/components/schemas/');
  const paths = kinds.flatMap((kind) =>
    pathsOf(kind).map((path) => [path.path, pathV3(path, kind)] as const),
  );
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: `v${VERSION}` },
    paths: sortedEntries(paths),
    components: { schemas },
  };
}

/** The version 2 document of all kinds. */
export function buildOpenApiV2(kinds: readonly OpenApiKind[]): object {
  const definitions = withReferences(definitionsOf(kinds, 2), '#/definitions/', true);
  const paths = kinds.flatMap((kind) =>
    pathsOf(kind).map((path) => [path.path, pathV2(path, kind)] as const),
  );
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: VERSION },
    paths: sortedEntries(paths),
    definitions,
    securityDefinitions: {
      BearerToken: {
        description: 'Bearer Token authentication',
        type: 'apiKey',
        name: 'authorization',
        in: 'header',
      },
    },
    security: [{ BearerToken: [] }],
  };
}

function definitionsOf(kinds: readonly OpenApiKind[], version: 2 | 3): Record<string, OpenApiSchema> {
  const scalable = kinds.some((kind) => kind.subresources.includes('scale'));
  const own = kinds.map((kind) => kindDefinitions(kind, version));
  return Object.assign({}, metaDefinitions(), scalable ? scaleDefinitions() : {}, ...own);
}

function sortedEntries<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Resolves references by name to the document's location of definitions. `flat`: version 2 puts the description beside the
 * reference; version 3 wraps the reference in `allOf`.
 */
function withReferences(
  definitions: Record<string, OpenApiSchema>,
  prefix: string,
  flat = false,
): Record<string, unknown> {
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const { allOf, ...rest } = value as OpenApiSchema;
    const only: unknown = flat && Array.isArray(allOf) && allOf.length === 1 ? allOf[0] : undefined;
    const target = isReference(only) ? { ...rest, ...only } : value;
    return Object.fromEntries(
      Object.entries(target).map(([key, item]) => [
        key,
        // A property may itself be called `$ref`; then it is a schema, not a name.
        key === '$ref' && typeof item === 'string' ? `${prefix}${item}` : resolve(item),
      ]),
    );
  };
  return sortedEntries(Object.entries(definitions).map(([name, schema]) => [name, resolve(schema)]));
}

function isReference(value: unknown): value is OpenApiSchema {
  return typeof value === 'object' && value !== null && '$ref' in value;
}

function groupVersionKind({ group, version, kind }: OpenApiKind): object {
  return { group, version, kind };
}

function pathV3(path: Path, kind: OpenApiKind): object {
  const operations = path.operations.map((operation) => [operation.method, operationV3(operation, kind)]);
  return { ...Object.fromEntries(operations), parameters: path.parameters.map(parameterV3) };
}

function parameterV3({ name, in: place, type, description }: Parameter): object {
  const required = place === 'path' ? { required: true } : {};
  return { name, in: place, description, ...required, schema: { type, uniqueItems: true } };
}

function operationV3(operation: Operation, kind: OpenApiKind): object {
  const { body } = operation;
  const content = (definition: string, types: readonly string[]): object =>
    Object.fromEntries(
      types.map((type) => [type, { schema: { $ref: `#/components/schemas/${definition}` } }]),
    );
  const answers = Object.entries(operation.answers).map(([code, definition]) => [
    code,
    { description: describeCode(code), content: content(definition, CONTENT_TYPES) },
  ]);
  const requestBody =
    body === undefined
      ? {}
      : {
          requestBody: {
            content: content(body.definition, body.types),
            ...(body.required ? { required: true } : {}),
          },
        };
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.id,
    parameters: operation.parameters.map(parameterV3),
    ...requestBody,
    responses: { ...Object.fromEntries(answers), 401: { description: 'Unauthorized' } },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': groupVersionKind(kind),
  };
}

function pathV2(path: Path, kind: OpenApiKind): object {
  const operations = path.operations.map((operation) => [operation.method, operationV2(operation, kind)]);
  return { ...Object.fromEntries(operations), parameters: path.parameters.map(parameterV2) };
}

function parameterV2({ name, in: place, type, description }: Parameter): object {
  const required = place === 'path' ? { required: true } : {};
  return { uniqueItems: true, type, description, name, in: place, ...required };
}

function operationV2(operation: Operation, kind: OpenApiKind): object {
  const { body } = operation;
  const schema = (definition: string): object => ({ $ref: `#/definitions/${definition}` });
  const bodies =
    body === undefined
      ? []
      : [{ name: 'body', in: 'body', required: body.required, schema: schema(body.definition) }];
  const answers = Object.entries(operation.answers).map(([code, definition]) => [
    code,
    { description: describeCode(code), schema: schema(definition) },
  ]);
  return {
    description: operation.description,
    consumes: body?.types ?? CONTENT_TYPES,
    produces: CONTENT_TYPES,
    schemes: ['https'],
    tags: [operation.tag],
    operationId: operation.id,
    parameters: [...bodies, ...operation.parameters.map(parameterV2)],
    responses: { ...Object.fromEntries(answers), 401: { description: 'Unauthorized' } },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': groupVersionKind(kind),
  };
}

function describeCode(code: string): string {
  if (code === '201') return 'Created';
  return code === '202' ? 'Accepted' : 'OK';
}
