import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../common/programs.ts';
import { arrivedExitCode, bootSector } from './boot-sector.ts';
import { acceleratorArguments, type Machine, sandboxArguments } from './command-line.ts';

/** An emulated trial takes 0.1 s; ten seconds are left for a host that is busy. */
const trialLimitMs = 10_000;

/**
 * Boots a guest of 512 bytes as VMs are booted here. Undefined when it ran to its end, else why not, in QEMU's words:
 * that a device file is there says nothing, nested virtualisation often has one that no guest survives.
 */
export async function tryMachine(
  program: string,
  machine: Machine,
  stateDirectory: string,
): Promise<string | undefined> {
  const directory = await mkdtemp(join(stateDirectory, 'trial-'));
  try {
    await writeFile(join(directory, 'boot.img'), bootSector());
    const result = await runProgram(program, trialArguments(machine), { directory, timeoutMs: trialLimitMs });
    if (result.exitCode === arrivedExitCode) return undefined;
    if (result.timedOut) return `a trial guest did not run to its end within ${trialLimitMs / 1000} s`;
    const words = result.stderr.trim().split('\n').at(0) ?? '';
    return words === '' ? `a trial guest ended QEMU with exit code ${result.exitCode}` : words;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function trialArguments(machine: Machine): string[] {
  return [
    ...['-name', 'coppice-trial', '-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...(machine.sandbox ? sandboxArguments : []),
    ...['-M', 'pc', ...acceleratorArguments(machine.accelerator), '-m', '16M'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    ...['-drive', 'file=boot.img,format=raw,if=ide'],
  ];
}
