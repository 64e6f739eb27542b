import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LEASES } from '../../../src/kube/election/lease-record.ts';
import { OBJECT_NAMES } from '../../../src/main/permissions.ts';
import { type FaultProxy, type Passed, startFaultProxy } from '../../kubernetes/fault-proxy.ts';
import { bundled, coppiceProgram } from '../../programs.ts';
import { eventually } from './eventually.ts';
import { HostWrites } from './host-writes.ts';
import { scaleShop, shopDeployed } from './shop.ts';
import { World } from './world.ts';

const CLI = await coppiceProgram();
const FAST_OPERATOR = await bundled(new URL('fast-operator.ts', import.meta.url));
const LEASE = { namespace: 'default', name: OBJECT_NAMES.lease };

/** How long a lease lasts, and what a hand-over may take besides: processes start and lists are read at the machine's speed. */
const LEASE_MS = 15_000;
const TAKE_OVER_MS = 5000;

/** How much faster time passes for operators, but for those of the one test that keeps the real lease. */
const FACTOR = 2;

/** So many that a deployment takes a while. */
const MANY = 24;

/** An operator in a process of its own, whose requests are seen. */
class Candidate {
  readonly proxy: FaultProxy;
  readonly #process: ChildProcess;

  private constructor(proxy: FaultProxy, process: ChildProcess) {
    this.proxy = proxy;
    this.#process = process;
  }

  /** @param factor how much faster than the machine's its time passes; at 1 it is the program that users start */
  static async start(world: World, name: string, factor: number): Promise<Candidate> {
    const proxy = await startFaultProxy(world.api.kubeConfig);
    const kubeconfig = join(world.directory, `${name}.kubeconfig`);
    await writeFile(kubeconfig, proxy.kubeConfig.exportConfig());
    const { ca, cert, key } = await world.operatorFiles(name);
    const api = ['--kubeconfig', kubeconfig, '--leader-elect', '--lease-namespace', LEASE.namespace];
    const hosts = ['--host-ca', ca, '--host-cert', cert, '--host-key', key];
    const args =
      factor === 1
        ? [CLI, 'operator', ...api, ...hosts, '--log-level', 'fatal']
        : [FAST_OPERATOR, String(factor), kubeconfig, ca, cert, key];
    return new Candidate(proxy, spawn(process.execPath, args, { stdio: 'ignore' }));
  }

  /** What it has done, besides taking part in the election, and asking what it may do. */
  get acts(): readonly Passed[] {
    const isAside = (path: string) => path.includes('/leases') || path.endsWith('/selfsubjectrulesreviews');
    return this.proxy.passed.filter(({ method, path }) => method !== 'GET' && !isAside(path));
  }

  /** When it asked for the lease, and was given it: it may believe from then on that it leads. */
  get takings(): readonly number[] {
    return this.proxy.passed
      .filter(({ method, path, status }) => method !== 'GET' && path.includes('/leases') && isGood(status))
      .map(({ at }) => at);
  }

  get asks(): number {
    return this.proxy.passed.filter(({ path }) => path.includes('/leases')).length;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await ended;
    }
    await this.proxy.close();
  }
}

const isGood = (status: number | undefined) => status !== undefined && status >= 200 && status < 300;

/** How a leader comes to harm, and how it comes back, if it does. */
interface Harm {
  readonly name: string;
  /** How much faster time passes for operators when this harm comes to one that has nothing else to do. */
  readonly factor: number;
  readonly strike: (leader: Candidate) => void;
  readonly revive?: (leader: Candidate) => void;
}

const HARMS: readonly Harm[] = [
  { name: 'killed', factor: 1, strike: (a) => a.signal('SIGKILL') },
  {
    name: 'frozen',
    factor: FACTOR,
    strike: (a) => a.signal('SIGSTOP'),
    revive: (a) => a.signal('SIGCONT'),
  },
  {
    name: 'cut off',
    factor: FACTOR,
    strike: (a) => a.proxy.fault({ kind: 'frozen' }),
    revive: (a) => a.proxy.fault(undefined),
  },
];

describe('two operators', () => {
  let world: World;
  let a: Candidate | undefined;
  let b: Candidate | undefined;
  let hostWrites: HostWrites;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
  });
  afterAll(() => world?.stop());
  beforeEach(async () => {
    a = undefined;
    b = undefined;
    hostWrites = new HostWrites();
    await world.addTemplate('debian');
  });
  afterEach(async () => {
    hostWrites.stop();
    await a?.stop();
    await b?.stop();
    // One that was killed keeps it until it runs out: the next test would wait for that.
    if ((await world.kube.find(LEASES, LEASE)) !== undefined) await world.kube.delete(LEASES, LEASE);
    await world.startOperator();
    await world.clear();
    await world.stopOperator();
  });

  /** The first one, once it leads. */
  const leader = async (factor: number) => {
    const first = await Candidate.start(world, 'a', factor);
    a = first;
    await eventually('the first one leads', async () => expect(first.takings).not.toEqual([]));
    return first;
  };
  /** The second one, once it waits for its turn. */
  const standBy = async (factor: number) => {
    const second = await Candidate.start(world, 'b', factor);
    b = second;
    await eventually('the other one stands by', async () => expect(second.asks).toBeGreaterThan(0));
    return second;
  };
  const handOverMs = (factor: number) => LEASE_MS / factor + TAKE_OVER_MS;
  const identities = async () =>
    new Map(
      (await world.appliances()).map(({ metadata, status }) => [metadata.uid, status?.vm?.startedTime]),
    );

  /**
   * Whatever was done in the API or on hosts was done by the operator that got the lease last. On a busy machine the
   * second may lose it to the first in turn.
   */
  const onlyTheLeaderActs = (first: Candidate, second: Candidate) => {
    const takings = [
      ...first.takings.map((at) => ({ by: 'a', at })),
      ...second.takings.map((at) => ({ by: 'b', at })),
    ].sort((one, other) => one.at - other.at);
    const leaderAt = (when: number) => takings.findLast(({ at }) => at <= when)?.by;
    for (const [name, candidate] of [
      ['a', first],
      ['b', second],
    ] as const) {
      const { acts } = candidate;
      const asked = acts.map(({ method, path, at }) => ({ what: `asked to ${method} ${path}`, at }));
      const sent = acts.flatMap(({ method, path, sentAt: at }) =>
        at === undefined ? [] : [{ what: `sent ${method} ${path}`, at }],
      );
      const onHosts = hostWrites.by(name).map(({ method, path, at }) => ({ what: `${method} ${path}`, at }));
      expect(onHosts).not.toEqual([]);
      const astray = [...asked, ...sent, ...onHosts].filter(({ at }) => leaderAt(at) !== name);
      expect(
        astray,
        `what ${name} did while the other one led; the lease was taken: ${JSON.stringify(takings)}`,
      ).toEqual([]);
    }
  };

  it.each(HARMS)('never both act when the leader is $name', async ({ factor, strike, revive }) => {
    const first = await leader(factor);
    await world.deploy('shop', { replicas: 3 });
    await shopDeployed(world, 3);
    const before = await identities();
    const second = await standBy(factor);
    expect(second.acts).toEqual([]);

    const struckAt = performance.now();
    strike(first);
    await scaleShop(world, 5);
    await eventually('the other one acts', async () => expect(second.acts).not.toEqual([]), 60_000);
    const takenAt = second.acts[0]?.at ?? Number.POSITIVE_INFINITY;
    expect(takenAt - struckAt).toBeLessThan(handOverMs(factor));
    await shopDeployed(world, 5);

    if (revive !== undefined) {
      const asked = first.asks;
      revive(first);
      await eventually(
        'the first one is back',
        async () => expect(first.asks).toBeGreaterThan(asked + 1),
        60_000,
      );
      await scaleShop(world, 4);
      await shopDeployed(world, 4);
    }
    onlyTheLeaderActs(first, second);
    const after = await identities();
    for (const [uid, startedTime] of before) expect(after.get(uid)).toBe(startedTime);
    expect(await world.daemons.appliancesOn('host-a')).toEqual(
      Array.from({ length: after.size }, (_unused, ordinal) => `shop-web-${ordinal}`),
    );
  });

  it.each(HARMS)(
    'nothing is made twice when the leader is $name in the middle of a deployment',
    async (harm) => {
      const first = await leader(FACTOR);
      const second = await standBy(FACTOR);
      await world.deploy('shop', { replicas: MANY, resources: { cpu: '100m', memory: '64Mi' } });
      await eventually('some are on their way', async () =>
        expect(hostWrites.by('a').length).toBeGreaterThan(MANY / 4),
      );
      const struckAt = performance.now();
      harm.strike(first);
      await eventually('the other one acts', async () => expect(second.acts).not.toEqual([]), 60_000);
      const takenAt = second.acts[0]?.at ?? Number.POSITIVE_INFINITY;
      expect(takenAt - struckAt).toBeLessThan(handOverMs(FACTOR));
      if (harm.revive !== undefined) {
        const asked = first.asks;
        harm.revive(first);
        await eventually('it is back', async () => expect(first.asks).toBeGreaterThan(asked + 1), 60_000);
      }
      await shopDeployed(world, MANY);
      await scaleShop(world, MANY - 1);
      await shopDeployed(world, MANY - 1);
      onlyTheLeaderActs(first, second);
      expect([...(await world.daemons.appliancesOn('host-a'))].sort()).toEqual(
        Array.from({ length: MANY - 1 }, (_unused, ordinal) => `shop-web-${ordinal}`).sort(),
      );
    },
  );
});
