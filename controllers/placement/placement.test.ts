import { describe, expect, it } from 'vitest';
import type { Firmware } from '../../src/domain/firmware.ts';
import { placeBatch } from '../../src/domain/placement/batch.ts';
import type { Unplaced } from '../../src/domain/placement/types.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { aHost, anAppliance, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aView } from '../../test/builders/reports.ts';
import { placementHost } from '../daemons/placement-host.ts';
import { PlacementOutcomes } from '../memory/placement-outcomes.ts';
import { isPending, neededForVm } from '../objects/appliance.ts';
import { AssumedBindings } from './assumed.ts';
import { bind } from './bind.ts';
import { decisionsOf, refusalOf } from './decisions.ts';
import { inOrderOfArrival, placementRequest, wholeBytes } from './snapshot.ts';

const GIBI = 1024 ** 3;
const small = { cpuMillis: 500, memoryBytes: 256 * 1024 ** 2 };

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
      capabilities: ['userNetwork'],
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
    const layers = new Map([
      ['top', [{ parent: 'root', storedBytes: 1 }, {}]],
      ['root', [{ storedBytes: 100 }, { storedBytes: 90 }]],
    ]);
    const bytesOf = (layer?: string) => wholeBytes(layer, (identity) => layers.get(identity) ?? []);
    expect([bytesOf('top'), bytesOf('root'), bytesOf('none'), bytesOf()]).toEqual([101, 100, 0, 0]);
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
      placementRequest(anAppliance({ spec: { network } })).capabilities;
    expect(needs({})).toEqual(['userNetwork']);
    expect(needs({ pool: 'lan' })).toEqual(['bridgeNetwork']);
    expect(needs({ mode: 'Bridge', pool: 'lan' })).toEqual(['bridgeNetwork']);
  });

  it('needs a host with what its VM is made of', () => {
    type Guest = ReturnType<typeof aTemplate>['spec']['guest'];
    const needs = (
      guest: Partial<Guest>,
      boots?: readonly Firmware[],
      disk: { data?: { size: string } } = {},
    ) => {
      const template = aTemplate();
      const { boot: _, ...plain } = template.spec.guest;
      const spec = { ...template.spec, guest: { ...plain, ...guest } };
      return neededForVm(anAppliance({ spec: { disk: { mode: 'Incremental', ...disk } } }), { spec }, boots);
    };
    expect(needs({})).toEqual([]);
    expect(neededForVm(anAppliance({ spec: { capturable: true } }), aTemplate(), [])).toEqual(['capturable']);
    expect(needs({}, ['bios', 'uefi'])).toEqual([]);
    expect(needs({}, ['uefi'])).toEqual(['uefi']);
    expect(needs({ firmware: 'uefi' })).toEqual(['uefi']);
    expect(needs({ xen: { bootLoader: 'PyGrub' } }, ['uefi'])).toEqual([]);
    const cd = { url: 'https://example.com/tools.iso', sha256: 'a'.repeat(64) };
    expect(needs({ cd })).toEqual(['hvmCdDrive']);
    expect(needs({ cd, xen: { bootLoader: 'PvGrub' } })).toEqual(['cdDrive']);
    expect(needs({ diskBus: 'scsi' }, ['bios'], { data: { size: '1Gi' } })).toEqual(['dataDisk', 'scsiDisk']);
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
