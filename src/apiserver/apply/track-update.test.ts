import { describe, expect, it } from 'vitest';
import type { JsonSchema, KubeObject } from '../types.ts';
import { trackUpdate } from './apply.ts';
import { Story } from './testing/story.ts';

// What is expected here was seen on kube-apiserver 1.36, with the same schema and the same sequences.

describe('trackUpdate', () => {
  it('gives the writer what it changed, and takes it from the others', () => {
    const story = new Story();
    story.apply('m1', { spec: { name: 'ab', mode: 'A' } });
    story.update('edit', {
      metadata: { annotations: { q: 'r' } },
      spec: { name: 'ab', mode: 'B', level: 1 },
    });
    expect(story.owners).toEqual({
      'm1 Apply': { 'f:spec': { 'f:name': {} } },
      'edit Update': {
        'f:metadata': { 'f:annotations': { '.': {}, 'f:q': {} } },
        'f:spec': { 'f:level': {}, 'f:mode': {} },
      },
    });
    story.update('other', { spec: { name: 'ab', mode: 'B' } });
    expect(story.owners).toMatchObject({ 'edit Update': { 'f:spec': { 'f:mode': {} } } });
    expect(story.owners).not.toHaveProperty('other Update');
  });

  it('moves a time only when the set of fields or their values changed', () => {
    const story = new Story().update('m', { spec: { mode: 'A' } });
    story.update('m', { spec: { mode: 'A' } });
    expect(story.times).toEqual({ 'm Update': '01' });
    story.update('m', { spec: { mode: 'B' } });
    expect(story.times).toEqual({ 'm Update': '03' });
    story.update('m', { spec: {} });
    expect(story.times).toEqual({ 'm Update': '03' });
  });

  it('owns the parents that it creates, unlike an applier', () => {
    const story = new Story().update('m', { spec: { services: [{ name: 'a', size: 1 }] } });
    expect(story.owners).toEqual({
      'm Update': {
        'f:spec': {
          '.': {},
          'f:services': { '.': {}, 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:size': {} } },
        },
      },
    });
  });

  it('merges the oldest updaters when there are more than ten', () => {
    const story = new Story();
    const labels: Record<string, string> = {};
    for (let index = 1; index <= 12; index++) {
      labels[`l${index}`] = 'x';
      story.update(`u${index}`, { metadata: { labels: { ...labels } } });
    }
    expect(Object.keys(story.owners)).toEqual([
      'ancient-changes Update',
      ...Array.from({ length: 9 }, (_, index) => `u${index + 4} Update`),
    ]);
    expect(story.owners['ancient-changes Update']).toEqual({
      'f:metadata': { 'f:labels': { '.': {}, 'f:l1': {}, 'f:l2': {}, 'f:l3': {} } },
    });
  });

  it.each([
    [true, 1],
    [false, 0],
  ])('an empty managedFields resets ownership only of Kubernetes own kinds: custom %s', (custom, left) => {
    const apiVersion = 'things.k8s.io/v1';
    const base = { apiVersion, kind: 'K', metadata: { name: 't' }, data: { a: 'b' } };
    const common = {
      manager: 'm',
      apiVersion,
      custom,
      subresource: undefined,
      schema: undefined,
      now: '2026-01-01T00:00:00Z',
    };
    const old = trackUpdate({ ...common, old: undefined, updated: base });
    const updated = { ...old, metadata: { ...old.metadata, managedFields: [] } };
    expect(trackUpdate({ ...common, old, updated }).metadata.managedFields ?? []).toHaveLength(left);
  });

  it('ignores managedFields that make no sense', () => {
    const story = new Story().update('m', { spec: { mode: 'A' } });
    story.update('n', {
      metadata: { managedFields: [{ manager: 'x', operation: 'Nonsense' }] },
      spec: { mode: 'A', level: 1 },
    });
    expect(Object.keys(story.owners)).toEqual(['m Update', 'n Update']);
  });

  it.each([
    [{ conditions: 'none' }, undefined],
    [{ replicas: 1 }, ['m']],
  ])('makes nobody the owner when what came with it does not fit: %j', (status, managers) => {
    const schema: JsonSchema = {
      type: 'object',
      properties: {
        spec: { type: 'object', properties: { n: { type: 'integer' } } },
        status: {
          type: 'object',
          properties: {
            conditions: { type: 'array', items: { type: 'object' } },
            replicas: { type: 'integer' },
          },
        },
      },
    };
    const apiVersion = 'example.com/v1';
    const updated: KubeObject = { apiVersion, kind: 'Thing', metadata: { name: 'a' }, spec: { n: 1 } };
    const how = { manager: 'm', apiVersion, custom: true, subresource: undefined, schema };
    const tracked = trackUpdate({
      ...how,
      now: '2030-01-01T00:00:00Z',
      old: undefined,
      updated,
      sent: { ...updated, status },
    });
    expect(tracked.metadata.managedFields?.map(({ manager }) => manager)).toEqual(managers);
    expect(tracked.spec).toEqual({ n: 1 });
  });
});
