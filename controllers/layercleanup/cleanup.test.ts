import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { HostApiError } from '../../src/host/client.ts';
import type { ImportKey, SealStatus } from '../../src/host/protocol.ts';
import { cachesOf } from '../../test/builders/caches.ts';
import { aHost, anImportedTemplate } from '../../test/builders/objects.ts';
import { aLayer, anImport, aView, LAYER } from '../../test/builders/reports.ts';
import { DEFAULT_TIMINGS, type OperatorContext } from '../context.ts';
import { createLayerCleanupController } from './controller.ts';

const OTHER = '2'.repeat(64);
const HOUR = 3_600_000;

interface World {
  /** What the cache has. */
  readonly cached?: readonly Template[];
  /** What the API server has. */
  readonly stored?: readonly Template[];
  readonly refused?: string;
  readonly seals?: readonly SealStatus[];
}

function setUp({ cached = [], stored = cached, refused, seals = [] }: World) {
  const holds = [aLayer({ storedBytes: 1024 }), aLayer({ identity: OTHER, storedBytes: 2048 })];
  const view = aView({ imported: [anImport()], holds, sealed: seals });
  const calls: string[] = [];
  const said: string[] = [];
  let [now, lists] = [0, 0];
  const daemon = {
    deleteSeal: async (uuid: string) => void calls.push(`seal ${uuid}`),
    deleteImport: async ({ namespace }: ImportKey) => void calls.push(namespace),
    deleteLayer: async (identity: string) => {
      if (identity === refused)
        throw new HostApiError(409, { reason: 'LayerInUse', message: 'an appliance uses it' });
      calls.push(identity);
    },
  };
  const context = {
    caches: cachesOf({ templates: cached, hosts: [aHost()] }),
    views: { list: () => [view], get: () => view },
    links: { client: () => daemon },
    client: {
      list: async () => {
        lists += 1;
        return { items: stored, resourceVersion: '1' };
      },
    },
    sharing: { withdraw: () => undefined },
    recorder: { record: (_: unknown, { message }: { message: string }) => said.push(message) },
    clock: { now: () => now, monotonic: () => now },
    log: pino({ level: 'silent' }),
    timings: DEFAULT_TIMINGS,
  } as unknown as OperatorContext;
  const { reconcile } = createLayerCleanupController(context);
  const passAt = async (time: number) => {
    now = time;
    const result = await reconcile('pass', new AbortController().signal);
    return { result, calls: calls.splice(0), said: said.splice(0), lists };
  };
  return { passAt };
}

describe('the cleanup of layers', () => {
  it('deletes what nothing needs after an hour, and says how much room that gives', async () => {
    const { passAt } = setUp({});
    expect(await passAt(0)).toMatchObject({
      calls: [],
      lists: 0,
      result: { type: 'requeueAfter', ms: 60_000 },
    });
    expect(await passAt(HOUR - 1)).toMatchObject({ calls: [], lists: 0 });
    expect(await passAt(HOUR)).toMatchObject({
      calls: ['default', LAYER, OTHER],
      said: ['2 layer(s) that nothing needs here were removed, which gives 3Ki of disk space back'],
    });
  });

  it('leaves what a template refers to that the cache does not show', async () => {
    const { passAt } = setUp({ cached: [], stored: [anImportedTemplate()] });
    await passAt(0);
    expect(await passAt(HOUR)).toMatchObject({ calls: [OTHER], lists: 1 });
  });

  it('deletes seals first, but not that of a template which the cache does not show', async () => {
    const seals = ['gone', 'uid-debian'].map(
      (uuid): SealStatus => ({ uuid, state: 'Ready', identity: LAYER }),
    );
    const { passAt } = setUp({ cached: [], stored: [anImportedTemplate()], seals });
    await passAt(0);
    expect(await passAt(HOUR)).toMatchObject({ calls: ['seal gone', OTHER] });
  });

  it('leaves what its host says to be in use', async () => {
    const { passAt } = setUp({ refused: LAYER });
    await passAt(0);
    expect(await passAt(HOUR)).toMatchObject({ calls: ['default', OTHER] });
  });
});
