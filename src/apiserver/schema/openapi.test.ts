import { describe, expect, it } from 'vitest';
import type { OpenApiKind } from '../types.ts';
import { buildOpenApiV2, buildOpenApiV3 } from './openapi.ts';

const thing: OpenApiKind = {
  group: 'fix.dev',
  version: 'v1',
  kind: 'Thing',
  listKind: 'ThingList',
  plural: 'things',
  namespaced: true,
  subresources: ['status', 'scale'],
  schema: {
    type: 'object',
    description: 'A thing.',
    required: ['spec'],
    properties: {
      spec: {
        type: 'object',
        description: 'What is wanted.',
        properties: {
          port: { 'x-kubernetes-int-or-string': true },
          flag: { type: 'boolean', nullable: true },
          source: { type: 'object', oneOf: [{ required: ['a'] }], properties: { a: { type: 'string' } } },
          embedded: { type: 'object', 'x-kubernetes-embedded-resource': true },
        },
      },
    },
  },
};

const lease: OpenApiKind = {
  ...thing,
  group: 'coordination.k8s.io',
  kind: 'Lease',
  listKind: 'LeaseList',
  plural: 'leases',
  subresources: [],
  definitionName: 'io.k8s.api.coordination.v1.Lease',
};

const ITEM = '/apis/fix.dev/v1/namespaces/{namespace}/things/{name}';

/** Every `$ref` in a document. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === '$ref' && typeof item === 'string' ? [item] : references(item),
  );
}

describe('buildOpenApiV3', () => {
  const document = buildOpenApiV3([thing]);

  it('has the paths of a kind with both subresources', () => {
    const { paths } = document as { paths: Record<string, Record<string, unknown>> };
    const methods = Object.entries(paths).map(([path, operations]) => [
      path,
      Object.keys(operations).filter((key) => key !== 'parameters'),
    ]);
    expect(methods).toEqual([
      ['/apis/fix.dev/v1/namespaces/{namespace}/things', ['get', 'post', 'delete']],
      [ITEM, ['get', 'put', 'patch', 'delete']],
      [`${ITEM}/scale`, ['get', 'put', 'patch']],
      [`${ITEM}/status`, ['get', 'put', 'patch']],
      ['/apis/fix.dev/v1/things', ['get']],
    ]);
  });

  it('says of each operation what kubectl looks for', () => {
    expect(document).toMatchObject({
      paths: {
        [ITEM]: {
          patch: {
            tags: ['fixDev_v1'],
            operationId: 'patchFixDevV1NamespacedThing',
            'x-kubernetes-action': 'patch',
            'x-kubernetes-group-version-kind': { group: 'fix.dev', version: 'v1', kind: 'Thing' },
            parameters: [
              { name: 'dryRun' },
              { name: 'fieldManager' },
              { name: 'fieldValidation' },
              { name: 'force' },
            ],
            requestBody: {
              content: {
                'application/apply-patch+yaml': {},
                'application/json-patch+json': {},
                'application/merge-patch+json': {},
              },
            },
          },
        },
      },
    });
  });

  it('offers strategic merge for built-in kinds only', () => {
    expect(JSON.stringify(buildOpenApiV3([lease]))).toContain('strategic-merge-patch');
    expect(JSON.stringify(document)).not.toContain('strategic-merge-patch');
  });

  it('publishes the schema with its descriptions, and what the server adds to it', () => {
    expect(document).toMatchObject({
      components: {
        schemas: {
          'dev.fix.v1.Thing': {
            description: 'A thing.',
            required: ['spec'],
            'x-kubernetes-group-version-kind': [{ group: 'fix.dev', kind: 'Thing', version: 'v1' }],
            properties: {
              kind: { type: 'string' },
              metadata: {
                allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
              },
              spec: {
                description: 'What is wanted.',
                properties: {
                  port: { anyOf: [{ type: 'integer' }, { type: 'string' }] },
                  embedded: { required: ['kind', 'apiVersion'], properties: { metadata: {} } },
                },
              },
            },
          },
          'dev.fix.v1.ThingList': {
            properties: { items: { items: { $ref: '#/components/schemas/dev.fix.v1.Thing' } } },
          },
          'io.k8s.api.autoscaling.v1.Scale': {},
        },
      },
    });
  });

  it('has no reference that leads nowhere', () => {
    const { components } = document as { components: { schemas: Record<string, unknown> } };
    const defined = Object.keys(components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(references(document).filter((name) => !defined.includes(name))).toEqual([]);
  });
});

describe('buildOpenApiV2', () => {
  const document = buildOpenApiV2([thing, lease]);

  it('leaves out what version 2 cannot say', () => {
    expect(document).toMatchObject({
      definitions: {
        'dev.fix.v1.Thing': {
          properties: {
            metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
            spec: {
              properties: {
                port: { 'x-kubernetes-int-or-string': true },
                source: { type: 'object', properties: { a: { type: 'string' } } },
              },
            },
          },
        },
        'io.k8s.api.coordination.v1.Lease': {},
        'io.k8s.api.coordination.v1.LeaseList': {},
      },
    });
    expect(JSON.stringify(document)).not.toMatch(/oneOf|anyOf|nullable/);
  });

  it('has no reference that leads nowhere', () => {
    const { definitions } = document as { definitions: Record<string, unknown> };
    const defined = Object.keys(definitions).map((name) => `#/definitions/${name}`);
    expect(references(document).filter((name) => !defined.includes(name))).toEqual([]);
  });
});
