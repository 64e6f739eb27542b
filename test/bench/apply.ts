import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pino } from 'pino';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createQemuDriver } from '../../src/hostd/drivers/qemu/driver.ts';
import {
  type BenchContext,
  type Benchmark,
  interleave,
  type Ratio,
  summarise,
  type Work,
} from './harness.ts';
import { type LocalCoppice, withLocalCoppice } from './local-coppice.ts';
import { applyTask, deleteTask, isAvailable, untilAppliances } from './task.ts';

const SIZES = [1, 4, 10] as const;
const LARGEST = 10;
const REPETITIONS = 5;
const TASK = 'bench';
const POLL_MS = 50;
const PING_MS = 2_000;
const run = promisify(execFile);

/** How Coppice started one VM: what the bare loop starts as well. */
type Command = {
  readonly uuid: string;
  readonly argv: readonly string[];
  readonly disk: string;
  readonly layer: string;
};

/** From `apply` to N agents that answer, against a loop that starts the same VMs with nothing around them. */
export const apply: Benchmark = {
  name: 'apply',
  description:
    'from apply to N agents answering (N = 1, 4, 10), against a bare loop of the same qemu-img and QEMU commands',
  run: (context) => withLocalCoppice(context, ['--driver', 'qemu'], (local) => compareAll(context, local)),
};

async function compareAll(context: BenchContext, local: LocalCoppice): Promise<readonly Ratio[]> {
  context.log('learning the command lines');
  const commands = await learnCommands(local);
  const ratios: Ratio[] = [];
  for (const size of SIZES) ratios.push(await compare(context, local, commands.slice(0, size)));
  return ratios;
}

async function compare(
  context: BenchContext,
  local: LocalCoppice,
  commands: readonly Command[],
): Promise<Ratio> {
  const size = commands.length;
  context.log(`N = ${size}`);
  const seconds = await interleave(context, REPETITIONS, {
    coppice: () => startByCoppice(local, size),
    bare: () => startBare(commands),
  });
  const raw = {
    appliances: size,
    coppiceSeconds: summarise(seconds.coppice),
    bareSeconds: summarise(seconds.bare),
  };
  const value = raw.coppiceSeconds.median / raw.bareSeconds.median;
  return { name: `apply/N=${size}`, value, aim: 1.05, better: 'less', raw };
}

/**
 * Until the last agent answered, by the daemons' own record of it: statuses are written with a delay, and installing the
 * services goes on meanwhile.
 */
async function startByCoppice({ client }: LocalCoppice, size: number): Promise<Work> {
  const appliedAt = Date.now();
  await applyTask(client, TASK, size);
  const appliances = await untilAppliances(
    client,
    TASK,
    (all) => all.length === size && all.every(isAvailable),
  );
  const lastAnswer = Math.max(...appliances.map(agentAnsweredAt));
  return { seconds: (lastAnswer - appliedAt) / 1000, clearUp: () => deleteTask(client, TASK) };
}

/** Milliseconds since the epoch. */
function agentAnsweredAt({ metadata, status }: VirtualAppliance): number {
  const step = status?.steps?.find(({ name }) => name === 'Agent');
  if (step?.startedTime === undefined || step.seconds === undefined) {
    throw new Error(`${metadata.name} is available, and its step Agent has no time`);
  }
  return Date.parse(step.startedTime) + step.seconds * 1000;
}

/** The command lines of ten appliances, each with its disk and the layer below it. */
async function learnCommands({ client }: LocalCoppice): Promise<readonly Command[]> {
  await applyTask(client, TASK, LARGEST);
  const appliances = await untilAppliances(
    client,
    TASK,
    (all) => all.length === LARGEST && all.every(isAvailable),
  );
  const commands: Command[] = [];
  for (const { metadata, status } of appliances) {
    const argv = status?.vm?.commandLine ?? [];
    const disk = diskOf(argv);
    const { stdout } = await run('qemu-img', ['info', '-U', '-f', 'qcow2', '--output=json', disk]);
    const { 'full-backing-filename': layer } = JSON.parse(stdout) as { 'full-backing-filename': string };
    commands.push({ uuid: metadata.uid ?? '', argv, disk, layer });
  }
  await deleteTask(client, TASK);
  return commands;
}

function diskOf(argv: readonly string[]): string {
  const text = argv[argv.indexOf('-blockdev') + 1] ?? '';
  const node = JSON.parse(text) as { readonly file: { readonly filename: string } };
  return node.file.filename;
}

/** The bare loop: an overlay and a QEMU each, then all agents until they answer. Resolves with what ends it. */
async function startBare(commands: readonly Command[]): Promise<Work> {
  const folder = await mkdtemp(join(tmpdir(), 'coppice-bench-bare-'));
  const driver = createQemuDriver({
    clock: systemClock,
    log: pino({ level: 'silent' }),
    stateDirectory: folder,
    searchPath: process.env.PATH ?? '',
  });
  const vms = await Promise.all(
    commands.map(async ({ uuid, argv, disk, layer }, index) => {
      const directory = join(folder, `${index}`);
      await mkdir(directory);
      const overlay = join(directory, 'disk.qcow2');
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', layer, overlay]);
      const [program = '', ...args] = argv.map((word) => word.replaceAll(disk, overlay));
      const child = spawn(program, args, { cwd: directory, stdio: 'ignore' });
      await once(child, 'spawn');
      return { child, guest: driver.guest(uuid, directory) };
    }),
  );
  await Promise.all(
    vms.map(async ({ guest, child }) => {
      while (!(await answers(() => guest.ping(PING_MS)))) {
        if (child.exitCode !== null) throw new Error(`QEMU ended with ${child.exitCode}`);
        await delay(POLL_MS);
      }
    }),
  );
  const clearUp = async () => {
    for (const { guest, child } of vms) {
      guest.close();
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await rm(folder, { recursive: true });
  };
  return { clearUp };
}

function answers(ping: () => Promise<void>): Promise<boolean> {
  return ping().then(
    () => true,
    () => false,
  );
}
