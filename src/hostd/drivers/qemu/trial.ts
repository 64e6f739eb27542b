import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from '../../programs.ts';
import { acceleratorArguments, type Machine, sandboxArguments } from './command-line.ts';
import { trialExitCodes, trialFirmware } from './trial-guest.ts';

/** A trial takes 0.1 s, and less than one where it is slow; ten are left for a host that is busy. */
const trialLimitMs = 10_000;

/** To be raised with each change of the trial: what an earlier one found says nothing any more. */
export const trialVersion = 2;

/**
 * Runs a guest of a few instructions as VMs are run here. Undefined when it ran to its end, else why not: that a
 * device file is there says nothing. Nested virtualisation often has one under which no guest starts, or under which
 * each instruction takes a microsecond, so that a kernel never gets to its first line.
 */
export async function tryMachine(
  program: string,
  machine: Machine,
  stateDirectory: string,
): Promise<string | undefined> {
  const directory = await mkdtemp(join(stateDirectory, 'trial-'));
  try {
    await writeFile(join(directory, 'firmware.bin'), trialFirmware());
    return whyNot(await runProgram(program, trialArguments(machine), { directory, timeoutMs: trialLimitMs }));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function whyNot(result: ProgramResult): string | undefined {
  const { arrived, slow, wrong } = trialExitCodes;
  if (result.exitCode === arrived) return undefined;
  if (result.timedOut) return `a trial guest did not run to its end within ${trialLimitMs / 1000} s`;
  if (result.exitCode === slow)
    return 'it carries out a trial guest’s instructions one by one, far slower than emulation';
  if (result.exitCode === wrong) return 'a trial guest took from its stack what it had not put there';
  const words = result.stderr.trim().split('\n').at(0) ?? '';
  return words === '' ? `a trial guest ended QEMU with exit code ${result.exitCode}` : words;
}

function trialArguments(machine: Machine): string[] {
  return [
    ...['-name', 'coppice-trial', '-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...(machine.sandbox ? sandboxArguments : []),
    ...['-M', 'pc', ...acceleratorArguments(machine.accelerator), '-m', '16M'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    ...['-bios', 'firmware.bin'],
  ];
}
