import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { messageOf } from '../../errors/index.ts';
import { boundConsole, openExclusively, readTail } from '../common/console.ts';
import { connectIn } from '../common/socket.ts';
import { vmFiles } from './files.ts';

const connectLimitMs = 2_000;

/** The last `bytes` that the VM wrote to its console, over all its starts; empty when there is nothing. */
export async function readConsoleTail(directory: string, bytes: number): Promise<string> {
  const paths = [vmFiles.olderConsole, vmFiles.console].map((name) => join(directory, name));
  return (await readTail(paths, bytes)).toString();
}

/** Limits the size of the console's log, and of QEMU's own: a guest can make QEMU warn without end. */
export async function boundVmLogs(directory: string): Promise<void> {
  await boundConsole(join(directory, vmFiles.console), join(directory, vmFiles.olderConsole));
  await boundConsole(join(directory, vmFiles.log), join(directory, vmFiles.olderLog));
}

/**
 * Connects to the VM's console. QEMU serves one connection at a time and lets a second one wait silently, so a second one is refused
 * here.
 */
export async function openConsole(clock: Clock, directory: string, inUse: Set<string>): Promise<Socket> {
  return openExclusively(inUse, directory, () =>
    connectIn(clock, directory, vmFiles.consoleSocket, connectLimitMs).catch((error: unknown) => {
      throw new Error(`the VM does not run (${messageOf(error)})`);
    }),
  );
}
