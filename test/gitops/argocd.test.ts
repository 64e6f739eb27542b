import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { LuaFactory } from 'wasmoon';
import { EXAMPLE } from './following.ts';

interface Recorded {
  readonly state: string;
  readonly object: object;
}

interface Health {
  readonly status: string;
  readonly message: string;
}

/** State → how Argo CD is to take it, and with which words. */
const EXPECTED: Readonly<Record<string, readonly [status: string, message: string]>> = {
  'a task that nobody looked at yet': ['Progressing', 'has not looked'],
  'an address that is given': ['Healthy', 'nobody'],
  'a pool that has addresses': ['Healthy', 'Available: '],
  'a pool that waits for its addresses': ['Progressing', 'deleted'],
  'a task that waits for a host': ['Progressing', 'NoHosts: '],
  'a task whose services answer': ['Healthy', 'Deployed: all 1 appliance(s) answer'],
  'a task that was changed since': ['Progressing', 'has not looked at this version'],
  'a host that works': ['Healthy', 'HostReady: '],
  'a template that can be used': ['Healthy', 'Available: '],
  'an appliance that answers': ['Healthy', 'ServiceAvailable: '],
  'an appliance that is stopped, as asked': ['Suspended', 'Stopped: '],
  'a task that cannot be carried out': ['Degraded', 'MemoryBelowMinimum: '],
  'a task that is recalled': ['Healthy', 'Recalled: '],
  'a template that waits for its users to go': ['Progressing', 'deleted'],
  'a host that does not answer': ['Progressing', 'HostUnreachable: '],
  'an appliance of which nobody knows how it is': ['Degraded', 'HostUnreachable: '],
};

/** What Argo CD's interpreter lacks by default: https://argo-cd.readthedocs.io/en/stable/operator-manual/health/ */
const ABSENT = ['io', 'os', 'string', 'math', 'debug', 'coroutine', 'utf8'];

/** JSON as a table of Lua, as Argo CD hands an object to a script. */
function luaOf(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (Array.isArray(value)) return `{${value.map(luaOf).join(', ')}}`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).map(([name, field]) => `[${JSON.stringify(name)}] = ${luaOf(field)}`);
  return `{${entries.join(', ')}}`;
}

async function healthOf(script: string, object: object): Promise<Health> {
  const engine = await new LuaFactory().createEngine();
  try {
    const absent = ABSENT.map((name) => `${name} = nil`).join('\n');
    return (await engine.doString(`${absent}\nobj = ${luaOf(object)}\n${script}`)) as Health;
  } finally {
    engine.global.close();
  }
}

const configMap = load(await readFile(join(EXAMPLE, 'argocd/health.yaml'), 'utf8')) as {
  data: Record<string, string>;
};
const customizations = load(configMap.data['resource.customizations'] ?? '') as Record<
  string,
  Record<string, string>
>;
const recorded = load(
  await readFile(new URL('recorded.yaml', import.meta.url), 'utf8'),
) as readonly Recorded[];

describe("Argo CD's health check", () => {
  const script = customizations['coppice.dev/*']?.['health.lua'] ?? '';

  it('is tried on every state', () => {
    expect(recorded.map(({ state }) => state).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(recorded)('knows $state', async ({ state, object }) => {
    const { status, message } = await healthOf(script, object);
    expect([status, message]).toEqual([
      EXPECTED[state]?.[0],
      expect.stringContaining(EXPECTED[state]?.[1] ?? ''),
    ]);
  });

  it('is patient with a status that says only half of it', async () => {
    const object = { metadata: { generation: 1 }, status: { observedGeneration: 1, conditions: [] } };
    expect(await healthOf(script, object)).toMatchObject({ status: 'Progressing' });
  });
});
