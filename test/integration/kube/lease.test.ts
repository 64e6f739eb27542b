import type { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { type Leadership, runLeaderElection } from '../../../src/kube/election/lease.ts';
import { type ChaosProxy, startChaosProxy } from '../../kubernetes/chaos-proxy.ts';
import { log, startWorld, type World } from './world.ts';

const times = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 250 };
const patience = { timeout: 15_000, interval: 50 };

describe('leader election and an API server', () => {
  let world: World;
  let proxy: ChaosProxy;
  beforeAll(async () => {
    world = await startWorld('lease');
    proxy = await startChaosProxy(world.api.kubeConfig);
  });
  afterAll(async () => {
    await proxy?.close();
    await world?.stop();
  });

  const candidate = (name: string, identity: string, kubeConfig: KubeConfig) => {
    const stop = new AbortController();
    const seen: { leadership?: Leadership } = {};
    const running = runLeaderElection(
      {
        ...times,
        client: world.clientFor(kubeConfig),
        namespace: world.namespace,
        name,
        identity,
        clock: systemClock,
        random: Math.random,
        log,
        lead: (leadership) => {
          seen.leadership = leadership;
          return new Promise((resolve) => leadership.signal.addEventListener('abort', () => resolve()));
        },
      },
      stop.signal,
    );
    const end = async () => {
      stop.abort();
      await running;
    };
    return { leads: () => seen.leadership?.isLeader() === true, end, running };
  };

  it('hands over when the leader ends', async () => {
    const a = candidate('released', 'a', world.api.kubeConfig);
    await vi.waitFor(() => expect(a.leads()).toBe(true), patience);
    const b = candidate('released', 'b', world.api.kubeConfig);
    await a.end();
    await vi.waitFor(() => expect(b.leads()).toBe(true), patience);
    expect(a.leads()).toBe(false);
    await b.end();
  });

  it('never has two leaders when the leader is cut off', async () => {
    const a = candidate('cut-off', 'a', proxy.kubeConfig);
    await vi.waitFor(() => expect(a.leads()).toBe(true), patience);
    const b = candidate('cut-off', 'b', world.api.kubeConfig);
    proxy.refuse(true);
    proxy.freeze();
    let hadTwo = false;
    await vi.waitFor(() => {
      hadTwo ||= a.leads() && b.leads();
      expect(b.leads()).toBe(true);
    }, patience);
    expect(hadTwo).toBe(false);
    await a.running;
    await b.end();
  });
});
