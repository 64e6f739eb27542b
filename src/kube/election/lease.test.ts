import { describe, expect, it } from 'vitest';
import { createFakeClock, type FakeClock } from '../../base/testing/fake-clock.ts';
import { createFakeLeases } from '../testing/fake-leases.ts';
import { createTestLog } from '../testing/things.ts';
import { type Leadership, runLeaderElection } from './lease.ts';

type Leases = ReturnType<typeof createFakeLeases>;

/** A candidate that leads until its signal fires. */
function candidate(identity: string, clock: FakeClock, leases: Leases, client = leases.client) {
  const stop = new AbortController();
  const seen: { leadership: Leadership | undefined; isOver: boolean } = {
    leadership: undefined,
    isOver: false,
  };
  const running = runLeaderElection(
    {
      client,
      namespace: 'coppice',
      name: 'operator',
      identity,
      clock,
      random: () => 0,
      log: createTestLog().log,
      lead: (leadership) => {
        seen.leadership = leadership;
        return new Promise((resolve) => leadership.signal.addEventListener('abort', () => resolve()));
      },
    },
    stop.signal,
  ).then(() => {
    seen.isOver = true;
  });
  return { seen, stop, running, leads: () => seen.leadership?.isLeader() === true };
}

function setup() {
  const clock = createFakeClock();
  const leases = createFakeLeases();
  return { clock, leases };
}

describe('leader election', () => {
  it('makes the first candidate the leader, who renews its lease', async () => {
    const { clock, leases } = setup();
    const a = candidate('a', clock, leases);
    await clock.advance(60_000);
    expect(a.leads()).toBe(true);
    expect(leases.current()?.spec).toMatchObject({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2030-01-01T00:00:00.000000Z',
      renewTime: '2030-01-01T00:01:00.000000Z',
      leaseTransitions: 0,
    });
    a.stop.abort();
    await a.running;
  });

  it('never has two leaders, and hands over at once when the leader ends', async () => {
    const { clock, leases } = setup();
    const a = candidate('a', clock, leases);
    await clock.advance(0);
    const b = candidate('b', clock, leases);
    await clock.advance(60_000);
    expect([a.leads(), b.leads()]).toEqual([true, false]);
    a.stop.abort();
    await a.running;
    expect(a.leads()).toBe(false);
    expect(leases.current()?.spec?.holderIdentity).toBe('');
    await clock.advance(2000);
    expect(b.leads()).toBe(true);
    expect(leases.current()?.spec?.leaseTransitions).toBe(1);
    b.stop.abort();
    await b.running;
  });

  it('takes over from a dead leader when its lease has run out, whatever that leader’s clock said', async () => {
    const { clock, leases } = setup();
    await leases.client.create(
      {} as never,
      {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { namespace: 'coppice', name: 'operator' },
        // Its clock is an hour behind: by its time stamps it expired long ago.
        spec: { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '2029-12-31T23:00:00.000000Z' },
      } as never,
    );
    const b = candidate('b', clock, leases);
    await clock.advance(14_000);
    expect(b.leads()).toBe(false);
    await clock.advance(4000);
    expect(b.leads()).toBe(true);
    b.stop.abort();
    await b.running;
  });

  it('ends leadership when the lease cannot be renewed, before another candidate can take it', async () => {
    const { clock, leases } = setup();
    const isCutOff = { value: false };
    const cutOff: typeof leases.client = {
      find: (...args) =>
        isCutOff.value ? Promise.reject(new Error('cut off')) : leases.client.find(...args),
      create: (...args) => leases.client.create(...args),
      replace: (...args) => leases.client.replace(...args),
    };
    const a = candidate('a', clock, leases, cutOff);
    await clock.advance(10_000);
    const b = candidate('b', clock, leases);
    isCutOff.value = true;
    for (let elapsed = 0; elapsed < 30_000; elapsed += 250) {
      await clock.advance(250);
      expect(a.leads() && b.leads()).toBe(false);
    }
    expect(a.seen.leadership?.signal.aborted).toBe(true);
    expect(a.seen.isOver).toBe(true);
    expect(b.leads()).toBe(true);
    b.stop.abort();
    await b.running;
  });

  it('knows that it no longer leads at the moment it wakes from being frozen', async () => {
    const { clock, leases } = setup();
    let skippedMs = 0;
    const frozen: FakeClock = {
      ...clock,
      advance: clock.advance,
      timers: 0,
      monotonic: () => clock.monotonic() + skippedMs,
    };
    const a = candidate('a', frozen, leases);
    await clock.advance(4000);
    expect(a.leads()).toBe(true);
    // Time has passed and no timer has fired yet, as after SIGCONT.
    skippedMs = 60_000;
    expect(a.seen.leadership?.signal.aborted).toBe(false);
    expect(a.leads()).toBe(false);
    await clock.advance(2000);
    expect(a.seen.leadership?.signal.aborted).toBe(true);
    await a.running;
  });

  it('keeps leading through short outages', async () => {
    const { clock, leases } = setup();
    const a = candidate('a', clock, leases);
    await clock.advance(4000);
    leases.state.isAway = true;
    await clock.advance(6000);
    leases.state.isAway = false;
    await clock.advance(30_000);
    expect(a.leads()).toBe(true);
    a.stop.abort();
    await a.running;
  });

  it('keeps leading when one connection is dead and the next one works', async () => {
    const { clock, leases } = setup();
    let isDead = false;
    const find: typeof leases.client.find = (ref, name, options) => {
      if (!isDead) return leases.client.find(ref, name, options);
      return new Promise((_, reject) => {
        clock.schedule(options?.timeoutMs ?? 0, () => {
          isDead = false;
          reject(new Error('no answer'));
        });
      });
    };
    const a = candidate('a', clock, leases, { ...leases.client, find });
    for (let round = 0; round < 3; round += 1) {
      await clock.advance(20_000);
      isDead = true;
    }
    await clock.advance(20_000);
    expect(isDead).toBe(false);
    expect(a.leads()).toBe(true);
    expect(a.seen.isOver).toBe(false);
    a.stop.abort();
    await a.running;
  });

  it('stops leading when another holds the lease, for whatever reason', async () => {
    const { clock, leases } = setup();
    const a = candidate('a', clock, leases);
    await clock.advance(3000);
    const lease = leases.current();
    await leases.client.replace(
      {} as never,
      { ...lease, spec: { ...lease?.spec, holderIdentity: 'b' } } as never,
    );
    await clock.advance(5000);
    expect(a.seen.leadership?.signal.aborted).toBe(true);
    await a.running;
    expect(leases.current()?.spec?.holderIdentity).toBe('b');
  });

  it('refuses durations with which two could lead at once', async () => {
    const { clock, leases } = setup();
    const times = { leaseDurationMs: 5000, renewDeadlineMs: 5000 };
    const base = { client: leases.client, namespace: 'n', name: 'l', identity: 'a', clock, random: () => 0 };
    const { log } = createTestLog();
    const election = runLeaderElection(
      { ...base, ...times, log, lead: async () => undefined },
      AbortSignal.abort(),
    );
    await expect(election).rejects.toThrow('shorter than the lease');
  });
});
