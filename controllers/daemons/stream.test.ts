import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { HostApiError, type NumberedHostEvent } from '../../src/host/client.ts';
import { aHostReport, aReport } from '../../test/builders/reports.ts';
import type { Daemon } from './daemon.ts';
import { followHost } from './stream.ts';
import { HostViews } from './view.ts';

/** A busy machine may stand still for seconds. */
const patience = { timeout: 20_000, interval: 20 };

type Script = (lastEventId: string | undefined) => AsyncGenerator<NumberedHostEvent>;

const reset: NumberedHostEvent = { id: '1-0', event: { type: 'reset' } };
const appliance = (id: string, uuid: string): NumberedHostEvent => ({
  id,
  event: { type: 'appliance', appliance: aReport({ uuid }) },
});

/** A daemon that plays one script a connection, the last of them for ever. */
function scripted(scripts: readonly Script[], holds: readonly string[] = ['held'], name = 'host-a') {
  const asked: (string | undefined)[] = [];
  const refuse = () => Promise.reject(new Error('not part of this test'));
  const daemon: Daemon = {
    getHost: async () => aHostReport({ name }),
    listAppliances: async () => holds.map((uuid) => aReport({ uuid })),
    events: (lastEventId) => {
      const script = scripts[Math.min(asked.length, scripts.length - 1)];
      asked.push(lastEventId);
      if (script === undefined) throw new Error('no script');
      return script(lastEventId);
    },
    putAppliance: refuse,
    deleteAppliance: refuse,
    putImport: refuse,
    deleteImport: refuse,
    putLayer: refuse,
    deleteLayer: refuse,
    verifyLayer: refuse,
    putSeal: refuse,
    deleteSeal: refuse,
    close: async () => undefined,
  };
  return { daemon, asked };
}

describe('followHost', () => {
  let views: HostViews;
  let stop: AbortController;
  let following: Promise<void>;

  beforeEach(() => {
    views = new HostViews();
    views.open('host-a', 0);
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await following;
  });

  const follow = (client: Daemon) => {
    const clock = {
      ...systemClock,
      schedule: (_ms: number, run: () => void) => systemClock.schedule(0, run),
    };
    const log = pino({ level: 'silent' });
    following = followHost({ name: 'host-a', client, views, clock, random: () => 0, log }, stop.signal);
  };
  const uuids = () => [...(views.get('host-a')?.appliances.keys() ?? [])].sort();
  const forever = () =>
    new Promise<never>((_resolve, reject) =>
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason)),
    );

  it('fetches everything on a reset, is connected then, and continues with the events', async () => {
    const { daemon } = scripted([
      async function* () {
        yield reset;
        yield appliance('1-1', 'new');
        await forever();
      },
    ]);
    follow(daemon);
    await vi.waitFor(() => expect(uuids()).toEqual(['held', 'new']), patience);
    expect(views.get('host-a')?.link).toEqual({ state: 'connected' });
  });

  it('continues the stream where it ended', async () => {
    const { daemon, asked } = scripted([
      async function* () {
        yield reset;
        yield appliance('1-1', 'first');
      },
      async function* () {
        yield appliance('1-2', 'second');
        await forever();
      },
    ]);
    follow(daemon);
    await vi.waitFor(() => expect(uuids()).toEqual(['first', 'held', 'second']), patience);
    expect(asked).toEqual([undefined, '1-1']);
    expect(views.get('host-a')?.link.state).toBe('connected');
  });

  it('forgets what a restarted daemon no longer has', async () => {
    const { daemon } = scripted([
      async function* () {
        yield reset;
        yield appliance('1-1', 'lost');
      },
      async function* () {
        yield { id: '2-0', event: { type: 'reset' } };
        await forever();
      },
    ]);
    follow(daemon);
    await vi.waitFor(() => expect(views.get('host-a')?.link.state).toBe('connected'), patience);
    await vi.waitFor(() => expect(uuids()).toEqual(['held']), patience);
  });

  it('is connected to a restarted daemon only after it reported what it has', async () => {
    let starts = 1;
    const told = Promise.withResolvers<void>();
    const { daemon, asked } = scripted([
      async function* () {
        yield reset;
        starts = 2;
      },
      async function* () {
        await told.promise;
        yield { id: '2-0', event: { type: 'reset' } };
        await forever();
      },
    ]);
    let answered = 0;
    const getHost = async () => {
      answered += 1;
      return aHostReport({ startedAt: `2026-01-01T00:00:0${starts}.000Z` });
    };
    follow({ ...daemon, getHost });
    await vi.waitFor(() => expect([asked.length, answered]).toEqual([2, 2]), patience);
    await new Promise((resolve) => setImmediate(resolve));
    expect(views.get('host-a')?.link.state).toBe('broken');
    told.resolve();
    await vi.waitFor(() => expect(views.get('host-a')?.link.state).toBe('connected'), patience);
  });

  it('says what is wrong, keeps what it knew, and tries again', async () => {
    let isUp = true;
    const { daemon, asked } = scripted([
      async function* () {
        if (!isUp) throw new HostApiError(0, { reason: 'HostUnreachable', message: 'connection refused' });
        yield reset;
        isUp = false;
      },
    ]);
    follow(daemon);
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(3), patience);
    await vi.waitFor(() =>
      expect(views.get('host-a')?.link).toMatchObject({
        state: 'broken',
        problem: { reason: 'HostUnreachable' },
      }),
    );
    expect(uuids()).toEqual(['held']);
  });

  it('accepts nothing from the daemon of another host', async () => {
    const { daemon } = scripted(
      [
        async function* () {
          yield reset;
          await forever();
        },
      ],
      ['theirs'],
      'host-b',
    );
    follow(daemon);
    await vi.waitFor(() =>
      expect(views.get('host-a')?.link).toMatchObject({
        state: 'broken',
        problem: { reason: 'NameMismatch' },
      }),
    );
    expect(uuids()).toEqual([]);
  });
});
