import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from '../../programs.ts';
import { acceleratorArguments, type Machine, sandboxArguments } from './command-line.ts';
import { trialExitCodes, trialFirmware } from './trial-guest.ts';

/** A trial takes 0.1 s, or up to one second on slow hosts; ten seconds leave room for a busy host. */
const trialLimitMs = 10_000;

const MEMORY_MIB = 16;

/** To be raised with each change of the trial: cached results of an earlier trial then no longer count. */
export const trialVersion = 3;

/**
 * Runs a guest of a few instructions with the settings of real VMs. Undefined when it ran to its end, else why it did not. That
 * /dev/kvm exists proves nothing: under nested virtualisation, often no guest starts, or each instruction takes a microsecond and a
 * kernel never prints its first line.
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
  if (result.timedOut) return `the trial guest did not finish within ${trialLimitMs / 1000} s`;
  if (result.exitCode === slow)
    return 'it runs the trial guest’s instructions one by one, far slower than emulation';
  if (result.exitCode === wrong) return 'the trial guest read a wrong value from its stack';
  const firstLine = result.stderr.trim().split('\n').at(0) ?? '';
  return firstLine === '' ? `QEMU ended with exit code ${result.exitCode} in a trial guest` : firstLine;
}

function trialArguments(machine: Machine): string[] {
  return [
    ...['-name', 'coppice-trial', '-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...(machine.sandbox ? sandboxArguments : []),
    ...['-M', 'pc', ...acceleratorArguments(machine.accelerator, MEMORY_MIB), '-m', `${MEMORY_MIB}M`],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    ...['-bios', 'firmware.bin'],
  ];
}
