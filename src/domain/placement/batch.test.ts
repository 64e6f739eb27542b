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
        totalCpuMillis: fc.integer({ min: 0, max: 24 }),
        totalMemoryBytes: fc.integer({ min: 0, max: 24 }),
        usedCpuMillis: fc.integer({ min: 0, max: 4 }),
        usedMemoryBytes: fc.integer({ min: 0, max: 4 }),
        thresholdCpu: fc.constantFrom(0.5, 0.7, 0.75, 1),
        thresholdMemory: fc.constantFrom(0.5, 0.7, 0.75, 1),
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
        capability: fc.constantFrom('userNetwork' as const, 'bridgeNetwork' as const),
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
