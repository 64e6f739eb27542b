/** For tests of field ownership: a kind, and one object of it that several managers write in turn. */

import type { ApplyConflict, JsonObject, JsonSchema, KubeObject, Subresource } from '../../types.ts';
import { serverSideApply, trackUpdate } from '../apply.ts';

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };

const schema: JsonSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        name: text,
        mode: text,
        level: integer,
        flag: { type: 'boolean', nullable: true },
        set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
        atomic: { type: 'array', items: { type: 'object', properties: { a: text } } },
        atomicMap: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { x: text } },
        env: { type: 'object', additionalProperties: text },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        source: { type: 'object', properties: { a: text } },
        services: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: {
              name: text,
              size: integer,
              image: text,
              ports: {
                type: 'array',
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['port', 'protocol'],
                items: {
                  type: 'object',
                  properties: { port: integer, protocol: { type: 'string', default: 'TCP' }, note: text },
                },
              },
            },
          },
        },
      },
    },
    status: {
      type: 'object',
      properties: {
        phase: text,
        replicas: integer,
        conditions: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['type'],
          items: { type: 'object', properties: { type: text, status: text } },
        },
      },
    },
  },
};

/** One object that managers write in turn, one write per minute. */
export class Story {
  live: KubeObject | undefined;
  private minute = 0;

  private get now(): string {
    this.minute += 1;
    return `2026-01-01T00:${String(this.minute).padStart(2, '0')}:00Z`;
  }

  private object(fields: JsonObject): KubeObject {
    const { metadata, ...rest } = fields;
    const meta = { name: 't', namespace: 'default', ...(metadata as JsonObject) };
    return { apiVersion: 'fix.dev/v1', kind: 'Thing', metadata: meta, ...rest };
  }

  /** Returns the fields in conflict. */
  apply(
    manager: string,
    fields: JsonObject,
    { force = false, subresource }: { force?: boolean; subresource?: Subresource } = {},
  ): ApplyConflict[] {
    const result = serverSideApply({
      live: this.live,
      applied: this.object(fields),
      manager,
      force,
      apiVersion: 'fix.dev/v1',
      custom: true,
      subresource,
      schema,
      now: this.now,
    });
    if (!result.ok) return result.conflicts;
    this.live = result.object;
    return [];
  }

  /** Replaces top-level fields, as a client's read-modify-write does. */
  update(manager: string, change: JsonObject, subresource?: Subresource): this {
    const { metadata, ...rest } = change;
    const live = this.live ?? this.object({});
    const meta = { ...live.metadata, ...(metadata as JsonObject) };
    const updated = { ...live, ...rest, metadata: meta };
    const apiVersion = 'fix.dev/v1';
    this.live = trackUpdate({
      old: this.live,
      updated,
      manager,
      apiVersion,
      custom: true,
      subresource,
      schema,
      now: this.now,
    });
    return this;
  }

  /** `manager` or `manager/status` → fields, and when they last changed. */
  get owners(): Record<string, JsonObject | undefined> {
    const entries = this.live?.metadata.managedFields ?? [];
    return Object.fromEntries(entries.map((entry) => [keyOf(entry), entry.fieldsV1]));
  }

  get times(): Record<string, string | undefined> {
    const entries = this.live?.metadata.managedFields ?? [];
    return Object.fromEntries(entries.map((entry) => [keyOf(entry), entry.time?.slice(14, 16)]));
  }

  get spec(): unknown {
    return this.live?.spec;
  }
}

function keyOf({
  manager,
  operation,
  subresource,
}: {
  manager?: string;
  operation?: string;
  subresource?: string;
}): string {
  return `${manager} ${operation}${subresource === undefined ? '' : ` ${subresource}`}`;
}
