import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import {
  CONFIG_MAPS,
  SERVICE_DEPLOYMENTS,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';
import { appliancesOf, apply, aTask, fetchText, removeTasks, urlOf, type WrittenService } from './tasks.ts';

/** How many changes are watched; each takes the three VMs in turn. */
const CHANGES = Number(process.env.COPPICE_TEST_CHANGES ?? 2);
const REPLICAS = 3;
/** Between two rounds of questions: each answer takes an emulated VM some 20 ms of a processor. */
const ASK_MS = 100;
/** What a replica answers: its environment, its command and its file, as it was started with them. */
const SERVE = `mkdir -p /run/w
[ -s /var/born ] || cat /proc/sys/kernel/random/uuid >/var/born
cat /var/born >/run/w/born
cat /proc/meminfo >/run/w/memory
echo "$CHANGE $0 $(cat text)" >/run/w/index.html
exec busybox httpd -f -p 8080 -h /run/w`;

interface Declared {
  readonly env: string;
  readonly argument: string;
  /** In the ConfigMap, which is the package unless there is an inline one. */
  readonly text: string;
  readonly inline?: string | undefined;
  readonly memory: string;
}

const FIRST: Declared = { env: 'env-0', argument: 'command-0', text: 'text-0', memory: '96Mi' };
const MEMORY = ['96Mi', '112Mi'];
const PARTS = ['env', 'argument', 'memory', 'text', 'inline'] as const;

/** The task at full speed: what every written status claims, and what the VMs answer at that moment. */
describeUnless(noQemu, `a rolling change, ${CHANGES} times`, () => {
  let coppice: Coppice;

  beforeAll(async () => {
    coppice = await Coppice.up();
  });
  afterAll(() => coppice?.close());

  const taskOf = ({ env, argument, memory, inline }: Declared): WrittenService => ({
    replicas: REPLICAS,
    resources: { cpu: '50m', memory },
    template: { series: 'minimal-command', namespace: 'coppice-system' },
    package:
      inline === undefined ? { configMap: { name: 'texts' } } : { inline: { files: { text: inline } } },
    parameters: {
      env: { CHANGE: env },
      command: ['sh', '-c', SERVE, argument],
      probe: { http: { path: '/index.html' } },
      path: '/index.html',
    },
  });
  const declare = async (declared: Declared) => {
    const metadata = { name: 'texts', namespace: 'default' };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text: declared.text } };
    await coppice.client.apply(CONFIG_MAPS, object, { fieldManager: 'user' });
    await apply(coppice, aTask('rolling', taskOf(declared)));
  };
  const wanted = ({ env, argument, text, inline }: Declared) => `${env} ${argument} ${inline ?? text}\n`;
  /** What it declares itself, by its own spec. */
  const declaredBy = async ({ spec }: VirtualAppliance): Promise<string> => {
    const { env = {}, command = [] } = spec.parameters ?? {};
    const { inline, configMap } = spec.package ?? {};
    const name = configMap?.revision ?? '';
    const files =
      inline?.files ?? (await coppice.client.get(CONFIG_MAPS, { name, namespace: 'default' })).data;
    return `${env.CHANGE} ${command[3]} ${files?.text}\n`;
  };
  const untilReady = (declared: Declared) =>
    coppice.eventually(`all replicas serve '${wanted(declared).trim()}'`, async () => {
      const found = await coppice.client.get(SERVICE_DEPLOYMENTS, { name: 'rolling', namespace: 'default' });
      const ready = findCondition(found.status?.conditions, 'Ready');
      expect(ready).toMatchObject({ status: 'True', observedGeneration: found.metadata.generation });
      const appliances = await appliancesOf(coppice, 'rolling');
      const texts = await Promise.all(appliances.map((one) => declaredBy(one)));
      expect(texts).toEqual(Array.from({ length: REPLICAS }, () => wanted(declared)));
    });

  /** What each wrote on its disk when it started there for the first time. */
  const disks = async () =>
    Promise.all(
      (await appliancesOf(coppice, 'rolling')).map((one) => fetchText(new URL('/born', urlOf(one)).href)),
    );

  /** Follows every written status while the work is done: resolves with what was claimed and not so. */
  async function watching(work: () => Promise<void>): Promise<{ lies: string[]; mostAway: number }> {
    const stop = new AbortController();
    const lies: string[] = [];
    const there = new Map<string, boolean>();
    const verified = new Set<string>();
    let mostAway = 0;
    const { resourceVersion, items } = await coppice.client.list(VIRTUAL_APPLIANCES, {
      namespace: 'default',
    });
    for (const { metadata } of items) verified.add(`${metadata.name}/${metadata.generation}`);
    const options = { timeoutSeconds: 3600, idleMs: 3_600_000, signal: stop.signal };
    const events = coppice.client.watch(VIRTUAL_APPLIANCES, {
      namespace: 'default',
      resourceVersion,
      ...options,
    });
    const note = async (appliance: VirtualAppliance) => {
      const { name, generation } = appliance.metadata;
      there.set(name, isReady(appliance));
      mostAway = Math.max(mostAway, [...there.values()].filter((one) => !one).length);
      if (!isReady(appliance) || verified.has(`${name}/${generation}`)) return;
      verified.add(`${name}/${generation}`);
      const [claimed, answer] = [await declaredBy(appliance), await answerOf(appliance)];
      if (answer !== claimed)
        lies.push(`${name} at ${generation} claims '${claimed}' and answers '${answer}'`);
    };
    const following = (async () => {
      for await (const event of events)
        if (event.type === 'MODIFIED') await note(event.object as VirtualAppliance);
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    try {
      await work();
    } finally {
      stop.abort();
      await following;
    }
    return { lies, mostAway };
  }

  /** Asks all VMs as fast as they answer: resolves with the most that were silent in one round. */
  async function asking(signal: AbortSignal): Promise<number> {
    const urls = (await appliancesOf(coppice, 'rolling')).map(urlOf);
    let most = 0;
    while (!signal.aborted) {
      const answers = await Promise.allSettled(urls.map((url) => fetchText(url)));
      most = Math.max(most, answers.filter(({ status }) => status === 'rejected').length);
      await delay(ASK_MS);
    }
    return most;
  }

  const timeout = 300_000 + CHANGES * 30_000;
  it('never takes more away than maxUnavailable, and never claims what is not so', { timeout }, async () => {
    await declare(FIRST);
    await untilReady(FIRST);
    const born = await disks();
    const stop = new AbortController();
    const asked = asking(stop.signal);
    let last = FIRST;
    const { lies, mostAway } = await watching(async () => {
      for (let turn = 1; turn <= CHANGES; turn += 1) {
        const part = PARTS[turn % PARTS.length] ?? 'env';
        const next = part === 'memory' ? MEMORY.find((amount) => amount !== last.memory) : `${part}-${turn}`;
        last = { ...last, ...(part === 'text' ? { inline: undefined } : {}), [part]: next };
        await declare(last);
        await untilReady(last);
      }
    });
    stop.abort();
    expect(lies).toEqual([]);
    expect(mostAway, 'as the statuses tell').toBe(1);
    expect(await asked, 'as the VMs tell').toBe(1);
    expect(await disks(), 'the disks that they began with').toEqual(born);
  });

  it('of memory whose daemon and operator are killed in the middle keeps ports and disks', async () => {
    const born = await disks();
    const before = await appliancesOf(coppice, 'rolling');
    const larger = { ...FIRST, memory: '128Mi' };
    await declare(larger);
    for (const part of ['host-a', 'operator', 'host-a']) {
      await coppice.eventually('one is away', async () => {
        expect((await appliancesOf(coppice, 'rolling')).every(isReady)).toBe(false);
      });
      await coppice.kill(part);
      await coppice.run('up');
    }
    await untilReady(larger);
    expect(await disks()).toEqual(born);
    const after = await appliancesOf(coppice, 'rolling');
    expect(after.map(({ metadata, status }) => [metadata.uid, status?.url])).toEqual(
      before.map(({ metadata, status }) => [metadata.uid, status?.url]),
    );
    for (const appliance of after) {
      const text = await fetchText(new URL('/memory', urlOf(appliance)).href);
      const kibibytes = Number(/MemTotal:\s+(\d+) kB/.exec(text)?.[1]);
      // The kernel keeps some 36 MiB for itself.
      expect(kibibytes).toBeGreaterThan(88 * 1024);
    }
  });

  it('of a command that only exits stops at the first replica, and goes on once it is corrected', async () => {
    const good = taskOf({ ...FIRST, env: 'env', argument: 'command' });
    const broken = { ...good, parameters: { ...good.parameters, command: ['sh', '-c', 'exit 1'] } };
    const { mostAway } = await watching(async () => {
      const impatient = aTask('rolling', broken);
      await apply(coppice, { ...impatient, spec: { ...impatient.spec, progressDeadlineSeconds: 10 } });
      await coppice.eventually('the task makes no progress', async () => {
        const { status } = await coppice.client.get(SERVICE_DEPLOYMENTS, {
          name: 'rolling',
          namespace: 'default',
        });
        expect(findCondition(status?.conditions, 'Progressing')).toMatchObject({
          status: 'False',
          reason: 'ProgressDeadlineExceeded',
        });
        expect(status?.readyReplicas).toBe(REPLICAS - 1);
      });
      await apply(coppice, aTask('rolling', good));
      await coppice.eventually('it goes on', async () => {
        for (const appliance of await appliancesOf(coppice, 'rolling')) {
          expect(isReady(appliance)).toBe(true);
          expect(await answerOf(appliance)).toMatch(/^env command /);
        }
      });
    });
    expect(mostAway).toBe(1);
    await removeTasks(coppice, 'rolling');
  });
});

function isReady({ metadata, status }: VirtualAppliance): boolean {
  const ready = findCondition(status?.conditions, 'Ready');
  return ready?.status === 'True' && ready.observedGeneration === metadata.generation;
}

async function answerOf(appliance: VirtualAppliance): Promise<string> {
  return await fetchText(urlOf(appliance)).catch((error: unknown) => String(error));
}
