import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { hostErrors, messageOf } from '../../errors/index.ts';
import { boundConsole, readTail } from '../common/console.ts';
import { connectIn } from '../common/socket.ts';
import { vmFiles } from './files.ts';

const connectLimitMs = 2_000;

/** The last `bytes` that the VM wrote to its console, over all its starts; empty when there is nothing. */
export async function readConsoleTail(directory: string, bytes: number): Promise<string> {
  const paths = [vmFiles.olderConsole, vmFiles.console].map((name) => join(directory, name));
  return (await readTail(paths, bytes)).toString();
}

/** Limits the size of the console's log. */
export function boundVmConsole(directory: string): Promise<void> {
  return boundConsole(join(directory, vmFiles.console), join(directory, vmFiles.olderConsole));
}

/**
 * Connects to the VM's console. QEMU serves one connection at a time and lets a second one wait silently. So `inUse` holds the
 * folders of the VMs whose console is open.
 */
export async function openConsole(clock: Clock, directory: string, inUse: Set<string>): Promise<Socket> {
  if (inUse.has(directory)) throw hostErrors.consoleUnavailable('somebody else is using it');
  inUse.add(directory);
  try {
    const socket = await connectIn(clock, directory, vmFiles.consoleSocket, connectLimitMs);
    socket.once('close', () => inUse.delete(directory));
    return socket;
  } catch (error) {
    inUse.delete(directory);
    throw hostErrors.consoleUnavailable(`the VM does not run (${messageOf(error)})`);
  }
}
