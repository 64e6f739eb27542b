/** A request of a megabyte, or of a line, does not keep others waiting: each case kept the server busy for seconds, or for ever. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Target } from './fuzzing/client.ts';
import {
  CHANGES,
  CRDS,
  CREATIONS,
  DEFINITION,
  plant,
  READS,
  SLOW,
  THINGS,
} from './fuzzing/large-requests.ts';
import type { Caller, Reply } from './world.ts';

/**
 * How long the server may be busy at one stretch, in terms of what it takes this machine at this time to parse an object of
 * 160,000 keys (some 60 ms): the work on such an object takes twenty times as long.
 */
const MOST_PARSES = 4;
/** How long that time holds, in milliseconds. */
const FRESH_MS = 15_000;
/** How long others pause between their requests: those cost as much as what they wait for, if they never stop. */
const ASK_MS = 50;

/** Each takes three seconds of a processor. One that is changed or added is to be seen with all of them. */
const EVERY = process.env.COPPICE_TEST_STALLS === 'all' ? 1 : 3;
const REQUESTS = [...CREATIONS, ...CHANGES, ...READS, ...SLOW].filter((_, index) => index % EVERY === 0);

describe('the API server', () => {
  let dir: string;
  let target: Target;
  let api: Caller;
  /** The one that others wait with, on a connection of its own. */
  let other: Caller;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coppice-stalls-'));
    target = await Target.start(dir);
    api = target.caller();
    other = target.caller();
    expect((await api.post(CRDS, DEFINITION)).status).toBe(201);
    await vi.waitUntil(async () => (await api.get(THINGS)).status === 200, { timeout: 20_000 });
    await plant(api);
  });

  afterAll(async () => {
    api?.close();
    other?.close();
    await target?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  let parsing = { took: 0, at: Number.NEGATIVE_INFINITY };
  async function parse(): Promise<number> {
    const at = performance.now();
    if (at - parsing.at > FRESH_MS) parsing = { took: await target.parse(), at };
    await target.busy();
    return parsing.took;
  }

  /** Answers others while the request is carried out; returns how many. */
  async function whileOthersAsk(send: Promise<Reply>): Promise<{ reply: Reply; others: number }> {
    let others = 0;
    let reply: Reply | undefined;
    const done = send.then((found) => {
      reply = found;
    });
    while (reply === undefined) {
      await other.get('/api/v1/namespaces/default');
      others += 1;
      await Promise.race([done, delay(ASK_MS)]);
    }
    return { reply, others };
  }

  it.each(REQUESTS)('answers others during %s', async (_, status, send) => {
    const took = await parse();
    const { reply, others } = await whileOthersAsk(send(api));
    const { longest, failures } = await target.busy();
    expect(reply.status, reply.text.slice(0, 1000)).toBe(status);
    expect(failures).toEqual([]);
    expect(others).toBeGreaterThan(0);
    expect(longest / took, `busy for ${longest} ms, parsing took ${took} ms`).toBeLessThan(MOST_PARSES);
  });
});
