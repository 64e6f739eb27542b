import { get, type IncomingMessage } from 'node:http';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import type { ServiceDeployment } from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/base/object.ts';
import { readManifests } from '../../src/cli/manifests.ts';
import { findKubectl, Kubectl, NO_KUBECTL } from '../kubectl.ts';
import { describeUnless } from '../skip.ts';
import { Coppice, type Vm } from './coppice.ts';
import { tooLongEmulated } from './emulated.ts';
import { whyNoBridges } from './network/lan.ts';
import { MachineBridge } from './network/machine-bridge.ts';
import { appliancesOf, fetchText, manifest, urlOf } from './tasks.ts';

const example = join(resolve(import.meta.dirname, '../..'), 'examples/fork');
const program = await findKubectl();
const noKubectl = program === undefined ? NO_KUBECTL : undefined;
const CHILDREN = 10;

/** What a board shows. */
interface Shown {
  readonly drawn: string;
  readonly count: number;
}

/** examples/fork as docs/fast-starts.md tells it, where each VM has an address of its own; each test finds what the one before it left. */
describeUnless(tooLongEmulated ?? whyNoBridges ?? noKubectl, 'the example of a fork', () => {
  let bridge: MachineBridge;
  let coppice: Coppice;
  let kubectl: Kubectl;
  let watched: Watched;
  let source: readonly Vm[];

  beforeAll(async () => {
    bridge = await MachineBridge.create('203.0.113');
    coppice = await Coppice.up('--hosts', '1', '--bridge', bridge.name);
    kubectl = new Kubectl(program ?? '', coppice.layout.kubeconfig);
    await kubectlApply([manifest('IPPool', 'lan', bridge.pool(1 + CHILDREN))]);
  });
  afterAll(async () => {
    watched?.end();
    await coppice?.close();
    await bridge?.close();
  });

  const kubectlApply = (items: readonly object[]) =>
    kubectl.ok(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const applyOnBridge = async (file: string) =>
    await kubectlApply((await readManifests(join(example, file))).map(onBridge));
  const untilShown = (task: string, replicas: number): Promise<readonly Shown[]> =>
    coppice.eventually(`${replicas} of ${task} are Ready`, async () => {
      const appliances = await appliancesOf(coppice, task);
      const ready = appliances.filter(
        ({ status }) => findCondition(status?.conditions, 'Ready')?.status === 'True',
      );
      expect(ready).toHaveLength(replicas);
      return await Promise.all(ready.map(async (one) => shownBy(await fetchText(urlOf(one)))));
    });

  it('starts a service with a state in its memory, to which a client stays connected', async () => {
    await applyOnBridge('board.yaml');
    const [shown] = await untilShown('board', 1);
    expect(shown?.drawn).toMatch(/^[0-9a-f-]{36}$/);
    source = await coppice.vms();
    const [board] = (await appliancesOf(coppice, 'board')).map(urlOf);
    watched = await Watched.connect(new URL('/cgi-bin/watch', board).href);
  });

  it('forks it ten times from one moment; each child goes on, as a machine of its own', async () => {
    const [before] = await untilShown('board', 1);
    await applyOnBridge('more.yaml');
    const children = await untilShown('more', CHILDREN);
    for (const { drawn, count } of children) {
      expect(drawn).toBe(before?.drawn);
      expect(count).toBeGreaterThanOrEqual(before?.count ?? Number.NaN);
    }
    const appliances = await appliancesOf(coppice, 'more');
    for (const { status } of appliances)
      expect(status?.start).toEqual({ from: 'Checkpoint', template: 'board-moment' });
    expect(new Set(appliances.map(urlOf)).size).toBe(CHILDREN);
    const names = await Promise.all(
      appliances.map(({ metadata }) => coppice.run('exec', metadata.name, '--', 'hostname')),
    );
    expect(names).toEqual(appliances.map(({ metadata }) => `${metadata.name}\n`));
  });

  it('leaves the source as it was, connected to its client throughout', async () => {
    expect(await coppice.vms()).toEqual(expect.arrayContaining([...source]));
    const told = watched.told().map(shownBy);
    const [after] = await untilShown('board', 1);
    expect(watched.hasEnded()).toBe(false);
    expect(new Set([...told, after].map((shown) => shown?.drawn)).size).toBe(1);
    const counts = told.map(({ count }) => count);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(after?.count).toBeGreaterThan(counts[0] ?? Number.NaN);
  });
});

/** The object, its VMs on the bridge. */
function onBridge(object: KubeObject): KubeObject {
  if (object.kind !== 'ServiceDeployment') return object;
  const { spec } = object as ServiceDeployment;
  const services = spec.services.map((service) => ({ ...service, network: { pool: 'lan' } }));
  return { ...object, spec: { ...spec, services } } as KubeObject;
}

function shownBy(line: string): Shown {
  const [drawn = '', count] = line.trim().split(' ');
  return { drawn, count: Number(count) };
}

/** A client that reads lines from an answer without end. */
class Watched {
  readonly #answer: IncomingMessage;
  #text = '';
  #ended = false;

  private constructor(answer: IncomingMessage) {
    this.#answer = answer;
    answer.setEncoding('utf8');
    answer.on('data', (chunk: string) => {
      this.#text += chunk;
    });
    answer.on('close', () => {
      this.#ended = true;
    });
    answer.on('error', () => undefined);
  }

  static connect(url: string): Promise<Watched> {
    return new Promise((connected, failed) => {
      get(url, (answer) => connected(new Watched(answer))).on('error', failed);
    });
  }

  /** The whole lines so far. */
  told(): readonly string[] {
    return this.#text.split('\n').slice(0, -1);
  }

  hasEnded(): boolean {
    return this.#ended;
  }

  end(): void {
    this.#answer.destroy();
  }
}
