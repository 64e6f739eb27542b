import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { placeBatch } from './batch.ts';
import { justifyPlacements } from './justify.ts';
import { host as halfHost, MEBI } from './testing/host.ts';
import type { Justification, PlacementHost, PlacementRequest } from './types.ts';

const GENEROUS = { hosts: 20, examined: 10_000 };

function host(name: string, overrides: Partial<PlacementHost> = {}): PlacementHost {
  return halfHost(name, { thresholdCpu: 1, thresholdMemory: 1, ...overrides });
}

function request(overrides: Partial<PlacementRequest> = {}): PlacementRequest {
  return { name: 'va', cpuMillis: 500, memoryBytes: 256 * MEBI, ...overrides };
}

function justify(
  hosts: readonly PlacementHost[],
  requests: readonly PlacementRequest[],
  bounds = GENEROUS,
): readonly (Justification | undefined)[] {
  return justifyPlacements(hosts, requests, placeBatch(hosts, requests), bounds);
}

describe('the justification of a placement', () => {
  it('counts only hosts that qualified, and gives the reason against each other host', () => {
    const hosts = [
      host('chosen'),
      host('closed', { ready: false, totalMemoryBytes: 4096 * MEBI }),
      host('elsewhere', { totalMemoryBytes: 3072 * MEBI }),
      host('busy', { totalMemoryBytes: 2048 * MEBI, usedCpuMillis: 3800 }),
      host('second', { usedMemoryBytes: 512 * MEBI }),
      host('tiny', { totalMemoryBytes: 128 * MEBI }),
    ];
    const appointed = ['chosen', 'closed', 'busy', 'second', 'tiny', 'gone'];
    expect(justify(hosts, [request({ hosts: appointed })])).toEqual([
      {
        summary:
          'chosen comes first by free memory, then free CPU, then name, of the 2 of 6 hosts that qualified',
        passedOver: [
          { host: 'closed', message: 'is not ready' },
          { host: 'elsewhere', message: 'is not among the appointed hosts' },
          { host: 'busy', message: 'has too little CPU: 200m free, more than 500m needed' },
          { host: 'second', message: 'has room, but less memory free than chosen: 512Mi, not 1Gi' },
          {
            host: 'tiny',
            message: 'has too little memory: 128Mi free, more than 256Mi needed',
          },
          { host: 'gone', message: 'is appointed but not registered' },
        ],
      },
    ]);
  });

  it('gives what decided between hosts with equal memory', () => {
    const hosts = [host('a'), host('b', { usedCpuMillis: 1000 }), host('c')];
    expect(justify(hosts, [request()])[0]?.passedOver).toEqual([
      { host: 'c', message: 'has as much memory and CPU free as a, which comes first by name' },
      { host: 'b', message: 'has room, and as much memory free as a, but less CPU: 3, not 4' },
    ]);
  });

  it('says when it was the replicas of the service that decided', () => {
    const hosts = [
      host('a', { replicas: new Map([['web', 2]]) }),
      host('b', { replicas: new Map([['web', 1]]) }),
    ];
    expect(justify(hosts, [request({ replicaOf: 'web' })])[0]).toEqual({
      summary:
        'b comes first by free memory, then free CPU, then fewest replicas of the service, then name, of the 2 hosts, all of which qualified',
      passedOver: [
        {
          host: 'a',
          message: 'has as much memory and CPU free as b, but more replicas of the service: 2, not 1',
        },
      ],
    });
  });

  it('gives the port that a host had no more when the request had its turn', () => {
    const wanting = (name: string) =>
      request({ name, hostPorts: [8080], appliance: { namespace: 'default', name } });
    const answers = justify(
      [host('a', { usedMemoryBytes: MEBI }), host('b')],
      [wanting('first'), wanting('second')],
    );
    expect(answers[1]?.passedOver).toEqual([
      { host: 'b', message: 'does not have port 8080 free: it is in use by appliance default/first' },
    ]);
  });

  it('gives exact amounts where rounded ones look the same', () => {
    const hosts = [host('a'), host('b', { usedMemoryBytes: 1024 })];
    const other = host('c', { totalMemoryBytes: 4096 * MEBI + 1024 });
    const larger = host('d', { totalMemoryBytes: 4096 * MEBI });
    expect(justify(hosts, [request()])[0]?.passedOver[0]?.message).toBe(
      'has room, but less memory free than a: 1023.9Mi, not 1Gi',
    );
    expect(justify([other, larger], [request()])[0]?.passedOver[0]?.message).toBe(
      'has room, but less memory free than c: 4Gi, not 4194305Ki',
    );
  });

  it('states when no other host qualified', () => {
    const summaries = (hosts: readonly PlacementHost[]) => justify(hosts, [request()])[0]?.summary;
    expect(summaries([host('a')])).toBe('a is the only host');
    expect(summaries([host('a'), host('b', { ready: false })])).toBe(
      'a is the only one of 2 hosts that qualified',
    );
  });

  it('names as many hosts, and justifies as many requests, as the bounds allow', () => {
    const hosts = ['a', 'b', 'c', 'd'].map((name) => host(name));
    const answers = justify(hosts, [request(), request(), request()], { hosts: 2, examined: 11 });
    expect(answers.map((answer) => answer?.passedOver.length)).toEqual([2, 2, undefined]);
  });

  it('is undefined for a request that was refused', () => {
    const large = request({ memoryBytes: 2048 * MEBI });
    expect(justify([host('a')], [large, request()]).map((answer) => answer?.summary)).toEqual([
      undefined,
      'a is the only host',
    ]);
  });

  it('names every other host, and says that a host has room only if it qualified', () => {
    const hosts = fc.array(
      fc.record({
        ready: fc.boolean(),
        totalCpuMillis: fc.integer({ min: 0, max: 12 }),
        totalMemoryBytes: fc.integer({ min: 0, max: 12 }),
      }),
      { maxLength: 8 },
    );
    const requests = fc.array(
      fc.record({ cpuMillis: fc.integer({ min: 0, max: 4 }), memoryBytes: fc.integer({ min: 0, max: 4 }) }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(hosts, requests, (someHosts, someRequests) => {
        const named = someHosts.map((fields, index) => host(`h${index}`, fields));
        const wanted = someRequests.map((fields, index) => request({ name: `va-${index}`, ...fields }));
        const placements = placeBatch(named, wanted);
        justifyPlacements(named, wanted, placements, GENEROUS).forEach((answer, index) => {
          const chosen = placements[index]?.host;
          expect(answer === undefined).toBe(chosen === null);
          if (answer === undefined) return;
          const listed = answer.passedOver.map((other) => other.host);
          expect(listed.toSorted()).toEqual(named.map(({ name }) => name).filter((name) => name !== chosen));
          // Alone with it, and after the same requests, it would have been taken.
          for (const { host: name, message } of answer.passedOver) {
            const closed = named.map((one) => (one.name === name ? one : { ...one, ready: false }));
            const only = closed.map((one) =>
              one.name === name ? usedUpTo(index, one, wanted, placements) : one,
            );
            const isRoomy = placeBatch(only, [wanted[index] as PlacementRequest])[0]?.host === name;
            expect([name, /has room|has as much/.test(message)]).toEqual([name, isRoomy]);
          }
        });
      }),
      { numRuns: 300 },
    );
  });
});

/** The host as it was when the request had its turn. */
function usedUpTo(
  index: number,
  one: PlacementHost,
  requests: readonly PlacementRequest[],
  placements: readonly { readonly host: string | null }[],
): PlacementHost {
  const earlier = requests.filter((_, at) => at < index && placements[at]?.host === one.name);
  const sum = (field: 'cpuMillis' | 'memoryBytes') =>
    earlier.reduce((total, taken) => total + taken[field], 0);
  return { ...one, usedCpuMillis: sum('cpuMillis'), usedMemoryBytes: sum('memoryBytes') };
}
