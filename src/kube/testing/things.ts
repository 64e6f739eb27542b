import { pino } from 'pino';
import type { KubeObject, ResourceRef } from '../../base/object.ts';

/** A kind for tests. */
export interface Thing extends KubeObject {
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

export const THINGS: ResourceRef<Thing> = {
  group: 'test.dev',
  version: 'v1',
  plural: 'things',
  kind: 'Thing',
  namespaced: true,
};

/** A thing named `name` in namespace `demo`, at that resource version. */
export function thing(
  name: string,
  resourceVersion: string,
  overrides: Partial<Thing['metadata']> = {},
): Thing {
  return {
    apiVersion: 'test.dev/v1',
    kind: 'Thing',
    metadata: { name, namespace: 'demo', uid: `uid-${name}`, resourceVersion, ...overrides },
  };
}

/** A log that keeps what was written, as objects. */
export function createTestLog() {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { log, lines };
}
