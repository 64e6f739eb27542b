import type PQueue from 'p-queue';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../base/clock.ts';
import type { HostStatus } from '../../host/protocol.ts';
import type { Driver } from '../drivers/driver.ts';
import type { ImportStore } from '../imports/import-store.ts';
import type { LayerStore } from '../layers/store.ts';
import { Host } from './host.ts';
import type { HostUse } from './host-use.ts';

const MEASURE_MS = 10_000;

/** A host of one core whose CPU use is what `useAt` says at each instant; time passes as fast as it is slept away. */
function hostWith(useAt: (ms: number) => number, measuresItself = false) {
  let now = 0;
  const published: { at: number; cpuMillis: number }[] = [];
  const over = Promise.withResolvers<void>();
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    schedule: (ms, run) => {
      now += ms;
      if (now > 60_000) over.resolve();
      else queueMicrotask(run);
      return () => undefined;
    },
  };
  const info = {
    name: 'qemu',
    version: '1',
    accelerator: 'tcg',
    capabilities: [],
    creationConcurrency: 1,
  } as const;
  const measured = () => ({
    capacity: { cpuMillis: 1000, memoryBytes: 1, diskBytes: 100 },
    used: { cpuMillis: useAt(now), memoryBytes: 0, diskBytes: 0 },
  });
  const host = new Host({
    ...{ name: 'host-a', version: '1', stateDirectory: '/state', startedAt: 0, info, clock },
    ...{ measureMs: MEASURE_MS, log: pino({ level: 'silent' }) },
    driver: {
      probe: async () => info,
      foreignVms: async () => [],
      ...(measuresItself ? { measure: async () => undefined } : {}),
    } as unknown as Driver,
    use: { measure: async () => measured() } as unknown as HostUse,
    imports: { list: () => [] } as unknown as ImportStore,
    layers: { list: () => [] } as unknown as LayerStore,
    uploads: { list: () => [] },
    seals: { list: () => [] },
    appliances: { count: 0, vms: () => [] },
    ...{ reserveBytes: 0, portSpace: undefined },
    creation: { size: 0, pending: 0 } as unknown as PQueue,
    onChange: ({ used }: HostStatus) => void published.push({ at: now, cpuMillis: used.cpuMillis }),
  });
  const run = async () => {
    await host.start();
    await over.promise;
    await host.close();
    return published;
  };
  return run;
}

describe('a host', () => {
  it('that is busy reports within two seconds that it has become free', async () => {
    const published = await hostWith((ms) => (ms < 23_000 ? 990 : 10))();
    expect(published).toEqual([
      { at: 0, cpuMillis: 990 },
      { at: 24_000, cpuMillis: 10 },
    ]);
  });

  it('reports every other change at its interval only', async () => {
    const published = await hostWith((ms) => 900 + ms / 1000)();
    expect(published.map(({ at }) => at)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  });

  it('whose hypervisor has to be asked is measured at its interval only', async () => {
    const published = await hostWith((ms) => (ms < 23_000 ? 990 : 10), true)();
    expect(published.map(({ at }) => at)).toEqual([0, 30_000]);
  });
});
