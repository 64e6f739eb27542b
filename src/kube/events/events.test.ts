import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { ApiError } from '../api-error.ts';
import type { KubeClient } from '../client/client.ts';
import { createTestLog, thing } from '../testing/things.ts';
import type { KubeEvent } from './event-record.ts';
import { createEventRecorder } from './events.ts';

/** Keeps Events as the API server does; `fail` makes it refuse. */
function setup() {
  const clock = createFakeClock();
  const stored = new Map<string, KubeEvent>();
  const state: { fail: ApiError | undefined; writes: number } = { fail: undefined, writes: 0 };
  const begin = () => {
    state.writes += 1;
    if (state.fail !== undefined) {
      throw state.fail;
    }
  };
  const client: Pick<KubeClient, 'create' | 'patch'> = {
    create: async (_ref, object) => {
      begin();
      stored.set(object.metadata.name, object as never);
      return object;
    },
    patch: async (_ref, { name }, patch) => {
      begin();
      const old = stored.get(name);
      if (old === undefined) {
        throw new ApiError({ status: 404, reason: 'NotFound', message: 'gone' });
      }
      stored.set(name, { ...old, ...patch });
      return stored.get(name) as never;
    },
  };
  const { log, lines } = createTestLog();
  const recorder = createEventRecorder({
    client,
    clock,
    random: Math.random,
    log,
    component: 'coppice',
    instance: 'pod-1',
  });
  return { clock, stored, state, recorder, lines, all: () => [...stored.values()] };
}

const placed = { type: 'Normal', reason: 'Placed', message: 'bound to h1' } as const;

describe('the Event recorder', () => {
  it('writes what kubectl describe and kubectl events show', async () => {
    const { recorder, all } = setup();
    recorder.record(thing('a', '5'), placed);
    await recorder.flush();
    expect(all()).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: expect.stringMatching(/^a\.[0-9a-f]+$/), namespace: 'demo' },
        ...placed,
        involvedObject: {
          apiVersion: 'test.dev/v1',
          kind: 'Thing',
          namespace: 'demo',
          name: 'a',
          uid: 'uid-a',
          resourceVersion: '5',
        },
        count: 1,
        firstTimestamp: '2030-01-01T00:00:00Z',
        lastTimestamp: '2030-01-01T00:00:00Z',
        source: { component: 'coppice' },
        reportingComponent: 'coppice',
        reportingInstance: 'pod-1',
      },
    ]);
  });

  it('writes Events of cluster-scoped objects into the default namespace', async () => {
    const { recorder, all } = setup();
    recorder.record({ ...thing('h1', '5'), metadata: { name: 'h1', uid: 'u' } }, placed);
    await recorder.flush();
    expect(all()[0]?.metadata.namespace).toBe('default');
  });

  it('counts repeats on the existing Event', async () => {
    const { recorder, clock, all } = setup();
    for (let round = 0; round < 3; round += 1) {
      recorder.record(thing('a', '5'), placed);
      await recorder.flush();
      await clock.advance(5000);
    }
    expect(all()).toMatchObject([
      { count: 3, firstTimestamp: '2030-01-01T00:00:00Z', lastTimestamp: '2030-01-01T00:00:10Z' },
    ]);
  });

  it('writes repeats that come in a burst at once', async () => {
    const { recorder, state, all } = setup();
    for (let round = 0; round < 10; round += 1) {
      recorder.record(thing('a', '5'), placed);
    }
    await recorder.flush();
    expect(all().map(({ count }) => count)).toEqual([10]);
    expect(state.writes).toBe(2);
  });

  it('begins a new Event after a long pause', async () => {
    const { recorder, clock, all } = setup();
    recorder.record(thing('a', '5'), placed);
    await recorder.flush();
    await clock.advance(700_000);
    recorder.record(thing('a', '5'), placed);
    await recorder.flush();
    expect(all().map(({ count }) => count)).toEqual([1, 1]);
  });

  it('creates an Event again that the API server has deleted', async () => {
    const { recorder, stored, all } = setup();
    recorder.record(thing('a', '5'), placed);
    await recorder.flush();
    stored.clear();
    recorder.record(thing('a', '5'), placed);
    await recorder.flush();
    expect(all()).toMatchObject([{ count: 2 }]);
  });

  it('limits the Events of a flapping object, and not those of other objects', async () => {
    const { recorder, clock, all } = setup();
    for (let round = 0; round < 100; round += 1) {
      recorder.record(thing('a', '5'), { ...placed, message: `round ${round}` });
    }
    recorder.record(thing('b', '5'), placed);
    await recorder.flush();
    expect(all().map(({ involvedObject }) => involvedObject.name)).toEqual([...Array(25).fill('a'), 'b']);
    await clock.advance(60_000);
    recorder.record(thing('a', '5'), { ...placed, message: 'calm again' });
    await recorder.flush();
    expect(all().at(-1)?.message).toBe('calm again');
  });

  it('logs an Event that cannot be written, and continues', async () => {
    const { recorder, state, lines, all } = setup();
    state.fail = new ApiError({ status: 0, reason: 'Unreachable', message: 'no answer' });
    recorder.record(thing('a', '5'), placed);
    await recorder.flush();
    expect(lines).toMatchObject([{ level: 40, reason: 'Placed', err: { message: 'no answer' } }]);
    state.fail = undefined;
    recorder.record(thing('a', '5'), placed);
    await recorder.flush();
    expect(all()).toMatchObject([{ count: 1 }]);
  });

  it('shortens messages and names that are too long for the API server', async () => {
    const { recorder, all } = setup();
    recorder.record(thing('a'.repeat(253), '5'), { ...placed, message: 'm'.repeat(5000) });
    await recorder.flush();
    const [event] = all();
    expect(event?.message).toHaveLength(1024);
    expect(event?.metadata.name.length).toBeLessThanOrEqual(253);
  });
});
