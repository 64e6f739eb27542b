import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { placeBatch } from './batch.ts';
import { exclusionOf } from './free.ts';
import { chooseDestination, eligible, type FreeHost, freeHosts, getDeploySequence } from './literal.ts';
import type { Placement, PlacementHost, PlacementRequest } from './types.ts';

function host(overrides: Partial<PlacementHost> & { name: string }): PlacementHost {
  return {
    labels: {},
    ready: true,
    totalCpuMillis: 4000,
    totalMemoryBytes: 4096,
    usedCpuMillis: 0,
    usedMemoryBytes: 0,
    thresholdCpu: 0.75,
    thresholdMemory: 0.75,
    ...overrides,
  };
}

function request(overrides: Partial<PlacementRequest> & { name: string }): PlacementRequest {
  return { cpuMillis: 500, memoryBytes: 512, ...overrides };
}

function sequence(placements: readonly Placement[]): (string | null)[] {
  return placements.map((placement) => placement.host);
}

/** Algorithm 2 for one request after the other, going on after a failure. */
function literalSequence(
  hosts: readonly PlacementHost[],
  requests: readonly PlacementRequest[],
): (string | null)[] {
  const free = freeHosts(hosts);
  return requests.map((wanted) => chooseDestination(wanted, eligible(wanted, free))?.host.name ?? null);
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];
const service = fc.constantFrom('web', 'db');
const OTHERS = { namespace: 'others', name: 'site' };
const label = fc.constantFrom('ssd', 'hdd');

/** Small numbers, so that ties, equal hosts and exact fits are common. */
const hostsArbitrary = fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: NAMES.length }).chain((names) =>
  fc.tuple(
    ...names.map((name) =>
      fc.record({
        name: fc.constant(name),
        labels: fc.oneof(fc.constant({}), fc.record({ disk: label })),
        ready: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
        capabilities: fc.subarray(['userNetwork', 'bridgeNetwork', 'checkpoint']),
        guestTypes: fc.constantFrom(
          undefined,
          ['PV' as const],
          ['PV' as const, 'PVH' as const, 'HVM' as const],
        ),
        totalCpuMillis: fc.integer({ min: 0, max: 24 }),
        totalMemoryBytes: fc.integer({ min: 0, max: 24 }),
        usedCpuMillis: fc.integer({ min: 0, max: 4 }),
        usedMemoryBytes: fc.integer({ min: 0, max: 4 }),
        thresholdCpu: fc.constantFrom(0.5, 0.7, 0.75, 1),
        thresholdMemory: fc.constantFrom(0.5, 0.7, 0.75, 1),
        freeDiskBytes: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 8 })),
        portSpace: fc.constantFrom(undefined, undefined, 'here', 'there'),
        takenPorts: fc
          .subarray([8080, 8081, 8082])
          .map((ports) => new Map(ports.map((number) => [number, OTHERS]))),
        replicas: fc
          .dictionary(service, fc.integer({ min: 0, max: 3 }))
          .map((counts) => new Map(Object.entries(counts))),
      }),
    ),
  ),
);

const requestsArbitrary = fc
  .array(
    fc.record(
      {
        cpuMillis: fc.integer({ min: 0, max: 6 }),
        memoryBytes: fc.integer({ min: 0, max: 4 }),
        hosts: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 5 }),
        hostPorts: fc.subarray([8080, 8081, 8082]),
        diskBytes: fc.integer({ min: 0, max: 3 }),
        replicaOf: service,
        guestType: fc.constantFrom('PV' as const, 'HVM' as const),
        capabilities: fc.subarray(['userNetwork', 'bridgeNetwork', 'uefi'] as const),
        hostSelector: fc.oneof(
          fc.constant({}),
          fc.record({ matchLabels: fc.record({ disk: label }) }),
          fc.constant({ matchExpressions: [{ key: 'disk', operator: 'DoesNotExist' }] }),
        ),
      },
      { requiredKeys: ['cpuMillis', 'memoryBytes'] },
    ),
    { maxLength: 60 },
  )
  .map((requests) => requests.map((fields, index): PlacementRequest => ({ ...fields, name: `va-${index}` })));

describe('placeBatch against the literal algorithms', () => {
  it('gives the sequence of Algorithm 2 for every request, even after one that fits nowhere', () => {
    fc.assert(
      fc.property(hostsArbitrary, requestsArbitrary, (hosts, requests) => {
        expect(sequence(placeBatch(hosts, requests))).toEqual(literalSequence(hosts, requests));
      }),
      { numRuns: 2000 },
    );
  });

  it('gives the sequence of Algorithm 1 up to the first request that fits nowhere', () => {
    fc.assert(
      fc.property(hostsArbitrary, requestsArbitrary, (hosts, requests) => {
        const batch = placeBatch(hosts, requests);
        const failure = batch.findIndex((placement) => placement.host === null);
        const expected = batch.slice(0, failure < 0 ? undefined : failure);
        expect(getDeploySequence(requests, hosts)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order in which the hosts are given', () => {
    fc.assert(
      fc.property(hostsArbitrary, requestsArbitrary, (hosts, requests) => {
        const backwards = [...hosts].reverse();
        expect(sequence(placeBatch(backwards, requests))).toEqual(sequence(placeBatch(hosts, requests)));
      }),
      { numRuns: 300 },
    );
  });

  it('never uses more than the thresholds allow, and only hosts that pass the filters', () => {
    fc.assert(
      fc.property(hostsArbitrary, requestsArbitrary, (hosts, requests) => {
        const left = new Map(freeHosts(hosts).map((free) => [free.host.name, free]));
        for (const [index, placement] of placeBatch(hosts, requests).entries()) {
          if (placement.host === null) continue;
          const wanted = requests[index] as PlacementRequest;
          const target = left.get(placement.host) as FreeHost;
          expect(exclusionOf(wanted, target.host)).toBeNull();
          expect(target.freeCpuMillis).toBeGreaterThan(wanted.cpuMillis);
          expect(target.freeMemoryBytes).toBeGreaterThan(wanted.memoryBytes);
          target.freeCpuMillis -= wanted.cpuMillis;
          target.freeMemoryBytes -= wanted.memoryBytes;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives every host at least one reason when it refuses', () => {
    fc.assert(
      fc.property(hostsArbitrary, requestsArbitrary, (hosts, requests) => {
        for (const placement of placeBatch(hosts, requests)) {
          if (placement.host !== null) continue;
          const { reasons } = placement.explain();
          const explained = new Set(reasons.map((reason) => reason.host));
          expect(hosts.filter(({ name }) => !explained.has(name))).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('placeBatch', () => {
  it('spreads equal appliances over equal hosts, in order of name', () => {
    const hosts = ['c', 'a', 'b'].map((name) => host({ name }));
    const requests = [1, 2, 3, 4].map((index) => request({ name: `va-${index}` }));
    expect(sequence(placeBatch(hosts, requests))).toEqual(['a', 'b', 'c', 'a']);
  });

  it('spreads the replicas of a service over hosts that are equally free, whatever comes between', () => {
    const hosts = ['a', 'b'].map((name) => host({ name }));
    const requests = ['web', 'db', 'web', 'db'].map((replicaOf, index) =>
      request({ name: `va-${index}`, replicaOf }),
    );
    // By name alone it would be a, b, a, b: both web on one host.
    expect(sequence(placeBatch(hosts, requests))).toEqual(['a', 'b', 'b', 'a']);
  });

  it('counts the replicas that hosts have already, and prefers a freer host to one without', () => {
    const hosts = [host({ name: 'a', replicas: new Map([['web', 1]]) }), host({ name: 'b' })];
    const web = request({ name: 'va', replicaOf: 'web' });
    expect(sequence(placeBatch(hosts, [web]))).toEqual(['b']);
    const freer = [hosts[0] as PlacementHost, host({ name: 'b', usedMemoryBytes: 1 })];
    expect(sequence(placeBatch(freer, [web]))).toEqual(['a']);
  });

  it('gives a port of a host to one appliance only, in one batch and beside those that are there', () => {
    const hosts = ['a', 'b', 'c', 'd'].map((name) =>
      host({ name, totalMemoryBytes: 40_960, totalCpuMillis: 40_000 }),
    );
    const requests = Array.from({ length: 5 }, (_, n) => request({ name: `va-${n}`, hostPorts: [8080] }));
    expect(sequence(placeBatch(hosts, requests))).toEqual(['a', 'b', 'c', 'd', null]);
    const takenPorts = new Map([[8080, OTHERS]]);
    const first = [{ ...(hosts[0] as PlacementHost), takenPorts }, ...hosts.slice(1)];
    expect(sequence(placeBatch(first, requests))).toEqual(['b', 'c', 'd', null, null]);
    const other = request({ name: 'other', hostPorts: [8081] });
    expect(sequence(placeBatch(first.slice(0, 1), [other, other]))).toEqual(['a', null]);
  });

  it('gives a port once on hosts that share their machine’s ports', () => {
    const hosts = ['a', 'b', 'c'].map((name) => host({ name, portSpace: name === 'c' ? 'other' : 'this' }));
    const requests = [1, 2, 3].map((n) => request({ name: `va-${n}`, hostPorts: [8080] }));
    expect(sequence(placeBatch(hosts, requests))).toEqual(['a', 'c', null]);
  });

  it('gives away the space of a disk once', () => {
    const hosts = [host({ name: 'a', freeDiskBytes: 10 }), host({ name: 'b', freeDiskBytes: 4 })];
    const requests = [5, 5, 5, 4].map((diskBytes, n) => request({ name: `va-${n}`, diskBytes }));
    expect(sequence(placeBatch(hosts, requests))).toEqual(['a', 'a', null, 'b']);
  });

  it('skips hosts that have the memory but not the CPU', () => {
    const hosts = [
      host({ name: 'roomy', totalMemoryBytes: 1 << 20, usedCpuMillis: 2900 }),
      host({ name: 'balanced' }),
    ];
    const requests = [request({ name: 'big' }), request({ name: 'small', cpuMillis: 50 })];
    expect(sequence(placeBatch(hosts, requests))).toEqual(['balanced', 'roomy']);
  });

  it('refuses a host that has exactly the requested amount', () => {
    const [placement] = placeBatch([host({ name: 'a' })], [request({ name: 'va', memoryBytes: 3072 })]);
    expect(placement?.host).toBeNull();
  });

  it('explains a refusal by what was free at the request’s turn, not by what is left after the batch', () => {
    const hosts = [host({ name: 'a' })];
    const requests = [
      request({ name: 'first', memoryBytes: 1024 }),
      request({ name: 'refused', memoryBytes: 2048 }),
      request({ name: 'later', memoryBytes: 1024 }),
    ];
    const placements = placeBatch(hosts, requests);
    expect(sequence(placements)).toEqual(['a', null, 'a']);
    const refused = placements[1];
    expect(refused?.host === null && refused.explain()).toEqual({
      summary: '0/1 hosts fit: a has too little memory: 2Ki free, more than 2Ki needed',
      reasons: [
        {
          host: 'a',
          reason: 'InsufficientMemory',
          free: 2048,
          needed: 2048,
          message: 'has too little memory: 2Ki free, more than 2Ki needed',
        },
      ],
    });
  });

  it.each([
    { cpuMillis: -1, memoryBytes: 1 },
    { cpuMillis: 1, memoryBytes: 0.5 },
    { cpuMillis: Number.NaN, memoryBytes: 1 },
  ])('refuses the amounts $cpuMillis, $memoryBytes', (amounts) => {
    expect(() => placeBatch([], [request({ name: 'odd', ...amounts })])).toThrow(
      /request odd: .*, not an integer of zero or more/,
    );
  });
});
