import { describe, expect, it } from 'vitest';
import { placeBatch } from '../../src/domain/placement/batch.ts';
import type { Unplaced } from '../../src/domain/placement/types.ts';
import { aHost, anAppliance } from '../../test/builders/objects.ts';
import { aHostReport, aReport, aView } from '../../test/builders/reports.ts';
import { placementHost } from '../daemons/placement-host.ts';
import { boundAppliances } from '../objects/appliance.ts';
import { refusalOf } from './decisions.ts';
import { placementRequest } from './snapshot.ts';

const GIBI = 1024 ** 3;
const small = { cpuMillis: 500, memoryBytes: 256 * 1024 ** 2 };

describe('a host as placement sees it', () => {
  it('uses what is reserved, and what it measures beyond its appliances’ own use', () => {
    const used = { cpuMillis: 3000, memoryBytes: 8 * GIBI, diskBytes: 0 };
    const running = { cpuMillis: 400, memoryBytes: GIBI / 8 };
    const vmUse = [
      { uuid: 'a', ...running },
      { uuid: 'nobody’s', cpuMillis: 1000, memoryBytes: GIBI },
    ];
    const view = aView({ status: aHostReport({ used, vmUse }) });
    // The second was bound just now: no measurement has seen it.
    const promised = ['a', 'b'].map((uid) => ({ uid, resources: small }));
    expect(placementHost(aHost(), view, promised)).toMatchObject({
      usedCpuMillis: 1000 + 2600,
      usedMemoryBytes: GIBI / 2 + 8 * GIBI - GIBI / 8,
    });
  });

  it('of an older daemon uses what it measures or what is reserved, whichever is more', () => {
    const used = { cpuMillis: 700.5, memoryBytes: GIBI, diskBytes: 0 };
    const view = aView({ status: aHostReport({ used }) });
    expect(
      placementHost(aHost({ metadata: { labels: { rack: 'r1' } } }), view, [{ uid: 'a', resources: small }]),
    ).toEqual({
      name: 'host-a',
      labels: { rack: 'r1' },
      ready: true,
      capabilities: ['userNetwork'],
      totalCpuMillis: 8000,
      totalMemoryBytes: 16 * GIBI,
      usedCpuMillis: 701,
      usedMemoryBytes: GIBI,
      thresholdCpu: 0.75,
      thresholdMemory: 0.75,
      takenPorts: new Map(),
      replicas: new Map(),
    });
    const promised = Array.from({ length: 8 }, (_, n) => ({ uid: String(n), resources: small }));
    expect(placementHost(aHost(), view, promised)).toMatchObject({
      usedCpuMillis: 4000,
      usedMemoryBytes: 2 * GIBI,
    });
  });

  describe('has taken ports', () => {
    const service = { name: 'service', guestPort: 80 };
    const asking = (name: string, hostPort: number, overrides = {}) =>
      anAppliance({
        metadata: { name, ...overrides },
        spec: { network: { ports: [{ name: 'a', port: 80, hostPort }] } },
      });

    it('of the appliances that are bound there, and those that it chose itself, whoever claims them', () => {
      const runs = [
        aReport({ endpoints: [{ ...service, address: '127.0.0.1', port: 20_001 }] }),
        aReport({
          uuid: 'gone',
          name: 'gone',
          endpoints: [{ ...service, address: '127.0.0.1', port: 20_002 }],
        }),
        aReport({ uuid: 'b', name: 'bridged', endpoints: [{ ...service, address: '10.0.8.4', port: 80 }] }),
      ];
      const bound = boundAppliances([asking('web-1', 8080, { deletionTimestamp: '2026-01-01T00:00:00Z' })]);
      expect(placementHost(aHost(), aView({ runs }), bound).takenPorts).toEqual(
        new Map([
          [20_001, { namespace: 'default', name: 'web-0' }],
          [20_002, { namespace: 'default', name: 'gone' }],
          [8080, { namespace: 'default', name: 'web-1' }],
        ]),
      );
    });

    it('so that four replicas with one port go to four hosts, also in two passes, and a fifth waits', () => {
      const placed = (waiting: readonly string[], bound: Readonly<Record<string, string>>) => {
        const hosts = ['host-a', 'host-b', 'host-c', 'host-d'].map((name) => {
          const there = Object.keys(bound).filter((key) => bound[key] === name);
          return placementHost(
            aHost({ metadata: { name } }),
            aView({ name }),
            boundAppliances(there.map((key) => asking(key, 8080))),
          );
        });
        return placeBatch(
          hosts,
          waiting.map((name) => placementRequest(asking(name, 8080))),
        );
      };
      expect(placed(['w0', 'w1', 'w2', 'w3'], {}).map(({ host }) => host)).toEqual([
        ...['host-a', 'host-b', 'host-c', 'host-d'],
      ]);
      const later = placed(['w2', 'w3', 'w4'], { w0: 'host-a', w1: 'host-c' });
      expect(later.map(({ host }) => host)).toEqual(['host-b', 'host-d', null]);
      expect(refusalOf(later[2] as Unplaced)).toMatchObject({
        reason: 'PortInUse',
        message: expect.stringMatching(
          /^0\/4 hosts fit: host-a does not have port 8080 free.*default\/w0; host-b .*w2/,
        ),
      });
    });
  });

  it('has the disk space beyond its reserve, and shares its ports with the hosts of its machine', () => {
    const status = aHostReport({ diskReserveBytes: GIBI, portSpace: 'machine-1' });
    expect(placementHost(aHost(), aView({ status }), [])).toMatchObject({
      freeDiskBytes: 99 * GIBI,
      portSpace: 'machine-1',
    });
    expect(placementHost(aHost(), aView(), []).freeDiskBytes).toBeUndefined();
  });

  it('has the replicas that are bound there and stay', () => {
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'Task', name: 'shop', uid: 'shop-uid', controller: true },
    ];
    const replica = (name: string, metadata = {}) =>
      anAppliance({ metadata: { name, ownerReferences, ...metadata }, spec: { service: { name: 'web' } } });
    const bound = boundAppliances([
      replica('w0'),
      replica('w1'),
      replica('w2', { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      anAppliance(),
    ]);
    expect(placementHost(aHost(), aView(), bound).replicas).toEqual(new Map([['shop-uid/web', 2]]));
    expect(placementRequest(replica('w3')).replicaOf).toBe('shop-uid/web');
  });

  it('accepts no appliance when it is unschedulable, being deleted, away or unknown', () => {
    const ready = (host = aHost(), view: ReturnType<typeof aView> | undefined = aView()) =>
      placementHost(host, view, []).ready;
    expect(ready()).toBe(true);
    expect(ready(aHost({ spec: { unschedulable: true } }))).toBe(false);
    expect(ready(aHost({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }))).toBe(false);
    expect(ready(aHost(), aView({ link: { state: 'connecting', since: 0 } }))).toBe(false);
    expect(placementHost(aHost(), undefined, [])).toMatchObject({ ready: false, totalMemoryBytes: 0 });
  });
});
