import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { BareVm, type Command, commandOf } from './bare-vm.ts';
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
  const commands = await Promise.all(appliances.map(commandOf));
  await deleteTask(client, TASK);
  return commands;
}

/** The bare loop: an overlay and a QEMU each, then all agents until they answer. Resolves with what ends it. */
async function startBare(commands: readonly Command[]): Promise<Work> {
  const folder = await mkdtemp(join(tmpdir(), 'coppice-bench-bare-'));
  const vms = await Promise.all(
    commands.map((command, index) => BareVm.start(join(folder, `${index}`), command)),
  );
  await Promise.all(vms.map((vm) => vm.untilAgentAnswers()));
  const clearUp = async () => {
    for (const vm of vms) await vm.kill();
    await rm(folder, { recursive: true });
  };
  return { clearUp };
}
