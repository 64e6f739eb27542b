import { describe, expect, it } from 'vitest';
import { placeBatch } from '../../src/domain/placement/batch.ts';
import type { Unplaced } from '../../src/domain/placement/types.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { aHost, anAppliance } from '../../test/builders/objects.ts';
import { aHostReport, aReport, aView } from '../../test/builders/reports.ts';
import { placementHost } from '../daemons/placement-host.ts';
import { PlacementOutcomes } from '../memory/placement-outcomes.ts';
import { boundAppliances, isPending } from '../objects/appliance.ts';
import { AssumedBindings } from './assumed.ts';
import { bind } from './bind.ts';
import { decisionsOf, refusalOf } from './decisions.ts';
import { inOrderOfArrival, placementRequest } from './snapshot.ts';

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

describe('an appliance as placement sees it', () => {
  it('fits nowhere when it asks for more than can be counted, and does not keep others from being placed', () => {
    const asking = (name: string, memory: string) =>
      placementRequest(anAppliance({ metadata: { name }, spec: { resources: { cpu: '1', memory } } }));
    const requests = [asking('absurd', '999999999999999Ti'), asking('modest', '256Mi')];
    expect(placeBatch([placementHost(aHost(), aView(), [])], requests).map(({ host }) => host)).toEqual([
      null,
      'host-a',
    ]);
  });

  it('is a request in whole numbers, with the hosts that its user allows', () => {
    const placement = { hosts: ['host-b'], hostSelector: { matchLabels: { rack: 'r1' } } };
    expect(placementRequest(anAppliance({ spec: { placement } }))).toEqual({
      name: 'uid-web-0',
      ...small,
      ...placement,
      capability: 'userNetwork',
      appliance: { namespace: 'default', name: 'web-0' },
      hostPorts: [],
      diskBytes: 0,
    });
  });

  it('needs a port of its host only when it has no address of its own', () => {
    const ports = [
      { name: 'a', port: 80, hostPort: 8080 },
      { name: 'b', port: 81 },
    ];
    const needs = (network: ReturnType<typeof anAppliance>['spec']['network']) =>
      placementRequest(anAppliance({ spec: { network } })).hostPorts;
    expect(needs({ ports })).toEqual([8080]);
    expect(needs({ mode: 'Bridge', pool: 'lan', ports })).toEqual([]);
  });

  it('needs room for its disk when that is a copy', () => {
    const disk = (mode: 'Clone' | 'Incremental') =>
      placementRequest(anAppliance({ spec: { disk: { mode } } }), { storedBytes: 10 * GIBI }).diskBytes;
    expect([disk('Clone'), disk('Incremental')]).toEqual([10 * GIBI, 0]);
  });

  it('needs a host that runs its type of guest', () => {
    const driver = { ...aHostReport().driver, guestTypes: ['PV' as const] };
    const hosts = [placementHost(aHost(), aView({ status: aHostReport({ driver }) }), [])];
    const place = (guestType: 'PV' | 'HVM') =>
      placeBatch(hosts, [placementRequest(anAppliance(), { guestType })])[0]?.host;
    expect([place('PV'), place('HVM')]).toEqual(['host-a', null]);
  });

  it('needs a host with a bridge when it gets an address of a pool', () => {
    const needs = (network: ReturnType<typeof anAppliance>['spec']['network']) =>
      placementRequest(anAppliance({ spec: { network } })).capability;
    expect(needs({})).toBe('userNetwork');
    expect(needs({ pool: 'lan' })).toBe('bridgeNetwork');
    expect(needs({ mode: 'Bridge', pool: 'lan' })).toBe('bridgeNetwork');
  });

  it('waits as long as it has no host and is not being deleted', () => {
    expect(isPending(anAppliance())).toBe(true);
    expect(isPending(anAppliance({ spec: { hostName: 'host-a' } }))).toBe(false);
    expect(isPending(anAppliance({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }))).toBe(false);
  });

  it('is ordered by age, then by name', () => {
    const at = (name: string, creationTimestamp: string) =>
      anAppliance({ metadata: { name, creationTimestamp } });
    const list = [
      at('c', '2026-01-02T00:00:00Z'),
      at('b', '2026-01-01T00:00:00Z'),
      at('a', '2026-01-02T00:00:00Z'),
    ];
    expect(inOrderOfArrival(list).map(({ metadata }) => metadata.name)).toEqual(['b', 'a', 'c']);
  });
});

describe('AssumedBindings', () => {
  it('count a binding until the cache shows it', () => {
    const assumed = new AssumedBindings();
    assumed.assume({ uid: 'a', host: 'host-a', resources: small });
    assumed.assume({ uid: 'b', host: 'host-b', resources: small });
    assumed.assume({ uid: 'c', host: 'host-a', resources: small });
    assumed.forget('c');
    expect(assumed.byHost().get('host-a')).toEqual([{ uid: 'a', host: 'host-a', resources: small }]);
    assumed.settle((uid) => uid === 'b');
    expect([assumed.has('a'), assumed.has('b')]).toEqual([false, true]);
  });
});

describe('a refusal', () => {
  const refuse = (count: number) => {
    const tiny = { totalCpuMillis: 100, totalMemoryBytes: 1024, usedCpuMillis: 0, usedMemoryBytes: 0 };
    const hosts = Array.from({ length: count }, (_, n) => ({
      ...tiny,
      name: `host-${String(n).padStart(2, '0')}`,
      labels: {},
      ready: true,
      capabilities: ['userNetwork'],
      thresholdCpu: 1,
      thresholdMemory: 1,
    }));
    return refusalOf(placeBatch(hosts, [placementRequest(anAppliance())])[0] as Unplaced);
  };

  it('has one entry per host, with both of its reasons, twenty at most', () => {
    const { reason, reasons } = refuse(30);
    expect(reason).toBe('NoHostFits');
    expect(reasons).toHaveLength(20);
    expect(reasons[0]).toEqual({
      host: 'host-00',
      reason: expect.stringMatching(/too little memory.*; .*too little CPU/),
    });
  });

  it('says so when there are no hosts', () => {
    expect(refuse(0)).toMatchObject({ reason: 'NoHosts', reasons: [] });
  });
});

describe('a choice', () => {
  const decide = (hosts: number, appliances: number) => {
    const snapshot = Array.from({ length: hosts }, (_, n) =>
      placementHost(aHost({ metadata: { name: `host-${String(n).padStart(4, '0')}` } }), aView(), []),
    );
    const waiting = Array.from({ length: appliances }, (_, n) =>
      anAppliance({ metadata: { name: `web-${n}` } }),
    );
    const requests = waiting.map((one) => placementRequest(one));
    return decisionsOf(snapshot, waiting, requests, placeBatch(snapshot, requests));
  };

  it('has one entry for each host that was passed over', () => {
    expect(decide(2, 2).map((decision) => decision.type === 'placed' && decision.explanation)).toEqual([
      {
        message:
          'host-0000 comes first by free memory, then free CPU, then name, of the 2 hosts, all of which qualified',
        reasons: [
          {
            host: 'host-0001',
            reason: 'has as much memory and CPU free as host-0000, which comes first by name',
          },
        ],
      },
      {
        message:
          'host-0001 comes first by free memory, then free CPU, then name, of the 2 hosts, all of which qualified',
        reasons: [
          {
            host: 'host-0000',
            reason: 'has room, but less memory free than host-0001: 11.7Gi, not 12Gi',
          },
        ],
      },
    ]);
  });

  it('names twenty hosts at most, and none where the batch is too large', () => {
    const explanations = decide(2000, 60).map((decision) =>
      decision.type === 'placed' ? decision.explanation : undefined,
    );
    expect(explanations).toHaveLength(60);
    expect(explanations[0]).toMatchObject({ message: expect.stringContaining('of the 2000 hosts') });
    expect(explanations[0]?.reasons).toHaveLength(20);
    expect(explanations[59]).toEqual({
      message: expect.stringMatching(/of the hosts that qualified; too many were placed at once/),
      reasons: [],
    });
  });
});

describe('PlacementOutcomes', () => {
  it('keeps a choice until the status contains it', () => {
    const outcomes = new PlacementOutcomes();
    const placedTime = '2026-01-02T00:00:00.000Z';
    const choice = { message: 'a comes first', reasons: [], placedTime };
    outcomes.set('default/web-0', 'a', { type: 'placed', choice });
    for (const other of [undefined, '2026-01-01T00:00:00.000Z']) outcomes.forgetWritten('a', other);
    expect(outcomes.get('a')).toEqual({ type: 'placed', choice });
    outcomes.forgetWritten('a', placedTime);
    expect(outcomes.get('a')).toBeUndefined();
  });

  it('keeps a refusal', () => {
    const outcomes = new PlacementOutcomes();
    const refusal = { reason: 'NoHosts', message: 'none', reasons: [] } as const;
    outcomes.set('default/web-0', 'a', { type: 'refused', refusal });
    outcomes.forgetWritten('a', undefined);
    expect(outcomes.get('a')).toEqual({ type: 'refused', refusal });
  });
});

describe('bind', () => {
  const run = async (answer: () => Promise<never> | Promise<object>) => {
    const patches: unknown[] = [];
    const patch = async (_ref: unknown, _name: unknown, body: unknown) => {
      patches.push(body);
      return await answer();
    };
    const client = { patch } as unknown as Pick<KubeClient, 'patch'>;
    return { isBound: await bind(client, anAppliance(), 'host-a', new AbortController().signal), patches };
  };
  const refused = (status: number) => async (): Promise<never> => {
    throw new ApiError({ status, reason: 'Test', message: 'test' });
  };

  it('binds only this appliance with this spec', async () => {
    expect(await run(async () => ({}))).toEqual({
      isBound: true,
      patches: [
        [
          { op: 'test', path: '/metadata/uid', value: 'uid-web-0' },
          { op: 'test', path: '/metadata/generation', value: 1 },
          { op: 'add', path: '/spec/hostName', value: 'host-a' },
        ],
      ],
    });
  });

  it('returns false for an appliance that changed or is gone, and passes other errors on', async () => {
    expect((await run(refused(422))).isBound).toBe(false);
    expect((await run(refused(404))).isBound).toBe(false);
    await expect(run(refused(500))).rejects.toThrow('test');
  });
});
