import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SERVICE_DEPLOYMENTS, TEMPLATES, type VirtualAppliance } from '../../../src/api/kinds.ts';
import { changeSpec } from '../../../src/cli/label-access.ts';
import { isCarriedOut, type RecallRequest, recallChange } from '../../../src/cli/recalls/change.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { BareVm, type Command } from '../bare-vm.ts';
import { type BenchContext, interleave, type Ratio, type Side, summarise } from '../harness.ts';
import type { LocalCoppice } from '../local-coppice.ts';
import { applyTask, deleteTask, isAvailable, untilAppliances } from '../task.ts';
import { deleteTemplate } from './build.ts';

const REPETITIONS = 7;
const POLL_MS = 50;
const FETCH_MS = 2_000;
const GUEST_MS = 60_000;
const TASK = 'recalled';
const NAMED = { name: TASK, namespace: 'default' };
const PAGE = '/srv/www/index.html';
/** What was written since the start, in MiB: what of the disk is kept. */
const WRITTEN_MIB = 16;
const WRITE = [
  '/bin/sh',
  '-c',
  `dd if=/dev/urandom of=/srv/www/data bs=1M count=${WRITTEN_MIB} 2>/dev/null; sync`,
];
const run = promisify(execFile);

type Local = Pick<LocalCoppice, 'client' | 'run'>;

/** The seconds of the two halves of one side, which add up to those of the whole. */
type Halves = { readonly stop: number[]; readonly start: number[] };

/** A task is recalled, its disk kept, and deployed again, against a person who ends the VM, checks the disk and starts it again. */
export async function measureRecall(
  context: BenchContext,
  folder: string,
  local: Local,
  command: Command,
): Promise<Ratio> {
  const halves = { coppice: noHalves(), byHand: noHalves() };
  await interleave(context, REPETITIONS, {
    coppice: recallByCoppice(context, local, halves.coppice),
    byHand: recallByHand(context, join(folder, 'by-hand'), command, halves.byHand),
  });
  const ratio = (...of: readonly (keyof Halves)[]) => {
    const [ours, theirs] = [halves.coppice, halves.byHand].map((side) => sumOf(side, of));
    return summarise((ours ?? []).map((taken, repetition) => taken / (theirs?.[repetition] ?? 0)));
  };
  return {
    name: 'templates/recall-and-redeployment-against-commands',
    value: ratio('stop', 'start').median,
    aim: 1.5,
    better: 'less',
    raw: {
      counted:
        'from spec.state: Recalled to a verified image and no VM, and from Deployed to Ready, ÷ power-off by the agent, qemu-img check, qemu-img create, and QEMU until the page answers; the median of the ratios',
      recallRatio: ratio('stop'),
      redeploymentRatio: ratio('start'),
      recallSeconds: summarise(halves.coppice.stop),
      recallByHandSeconds: summarise(halves.byHand.stop),
      redeploymentSeconds: summarise(halves.coppice.start),
      redeploymentByHandSeconds: summarise(halves.byHand.start),
    },
  };
}

/** Of each repetition, the seconds of these halves. */
function sumOf(halves: Halves, of: readonly (keyof Halves)[]): readonly number[] {
  return halves.stop.map((_, repetition) =>
    of.reduce((sum, half) => sum + (halves[half][repetition] ?? 0), 0),
  );
}

const noHalves = (): Halves => ({ stop: [], start: [] });

/** Times both halves. */
async function timeHalves(
  { now }: BenchContext,
  times: Halves,
  work: Readonly<Record<keyof Halves, () => Promise<void>>>,
): Promise<void> {
  for (const half of ['stop', 'start'] as const) {
    const begun = now();
    await work[half]();
    times[half].push(now() - begun);
  }
}

function recallByCoppice(context: BenchContext, local: Local, times: Halves): Side {
  return async () => {
    const { client } = local;
    await applyTask(client, TASK, 1);
    const [name = ''] = await untilRunning(client);
    await local.run('exec', name, '--', ...WRITE);
    await timeHalves(context, times, {
      stop: () => carryOut(client, { state: 'Recalled', services: [], save: true }),
      start: () => carryOut(client, { state: 'Deployed', services: [] }),
    });
    return {
      clearUp: async () => {
        await deleteTask(client, TASK);
        const { items } = await client.list(TEMPLATES, { namespace: NAMED.namespace });
        for (const { metadata } of items) await deleteTemplate(client, { ...NAMED, name: metadata.name });
      },
    };
  };
}

async function untilRunning(client: KubeClient): Promise<readonly string[]> {
  const isRunning = (all: readonly VirtualAppliance[]) => all.length === 1 && all.every(isAvailable);
  return (await untilAppliances(client, TASK, isRunning)).map(({ metadata }) => metadata.name);
}

async function carryOut(client: KubeClient, request: RecallRequest): Promise<void> {
  await changeSpec(client, SERVICE_DEPLOYMENTS, await client.get(SERVICE_DEPLOYMENTS, NAMED), (task) => ({
    ...recallChange(task, request),
  }));
  while (!isCarriedOut(await client.get(SERVICE_DEPLOYMENTS, NAMED), request)) await delay(POLL_MS);
}

function recallByHand(context: BenchContext, folder: string, command: Command, times: Halves): Side {
  const page = pageOf(command);
  const untilPage = (vm: BareVm) => vm.until(() => fetchPage(page));
  return async () => {
    await mkdir(folder);
    const first = await BareVm.start(join(folder, 'first'), command);
    await first.untilAgentAnswers();
    await first.guest.writeFile(PAGE, Readable.from([Buffer.from('by hand\n')]), { timeoutMs: GUEST_MS });
    await first.guest.exec(WRITE, { timeoutMs: GUEST_MS });
    await untilPage(first);
    let second: BareVm | undefined;
    await timeHalves(context, times, {
      stop: async () => {
        await first.powerOff();
        await run('qemu-img', ['check', '-q', '-f', 'qcow2', first.disk]);
      },
      start: async () => {
        second = await BareVm.start(join(folder, 'second'), command, first.disk);
        await untilPage(second);
      },
    });
    return {
      clearUp: async () => {
        await second?.kill();
        await rm(folder, { recursive: true });
      },
    };
  };
}

/** Where the VM's port 80 is reached, by the rule that QEMU was given. */
function pageOf({ argv }: Command): string {
  const port = /hostfwd=tcp:127\.0\.0\.1:(\d+)-:80\b/.exec(argv.join(' '))?.[1];
  if (port === undefined) throw new Error(`no port of the host leads to the VM: ${argv.join(' ')}`);
  return `http://127.0.0.1:${port}/`;
}

async function fetchPage(page: string): Promise<void> {
  const { ok, status } = await fetch(page, { signal: AbortSignal.timeout(FETCH_MS) });
  if (!ok) throw new Error(`${page} answers with ${status}`);
}
