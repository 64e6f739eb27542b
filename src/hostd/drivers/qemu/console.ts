import { open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { codeOf, hostErrors, messageOf } from '../../errors.ts';
import { vmFiles } from './files.ts';
import { connectIn } from './socket.ts';

const connectLimitMs = 2_000;

/** A guest that writes to its console without end takes twice this much of the host's disk, and no more. */
const longestConsoleBytes = 4 * 1024 * 1024;

/** The last `bytes` that the VM wrote to its console, over all its starts; empty when there is nothing. */
export async function readConsoleTail(directory: string, bytes: number): Promise<string> {
  const newest = await tailOf(join(directory, vmFiles.console), bytes);
  const missing = bytes - newest.length;
  const older = missing > 0 ? await tailOf(join(directory, vmFiles.olderConsole), missing) : Buffer.alloc(0);
  return Buffer.concat([older, newest]).toString();
}

/**
 * Cuts a console log that grew too long, keeping its end aside, in place of what was kept before. QEMU may go on
 * writing: it appends, so after the cut it writes from the start; what it writes in between is lost.
 */
export async function boundConsole(directory: string): Promise<void> {
  const path = join(directory, vmFiles.console);
  if ((await sizeOf(path)) <= longestConsoleBytes) return;
  await keepAside(join(directory, vmFiles.olderConsole), await tailOf(path, longestConsoleBytes));
  await truncate(path, 0);
}

/**
 * Connects to the VM's console. QEMU serves one at a time and lets a second one wait without a word, hence `inUse`: the
 * folders of the VMs whose console somebody has.
 */
export async function openConsole(clock: Clock, directory: string, inUse: Set<string>): Promise<Socket> {
  if (inUse.has(directory)) throw hostErrors.consoleUnavailable('somebody else is at it');
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

/** A full disk is no reason to let the log grow on: then its end is not kept. */
async function keepAside(path: string, content: Buffer): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC') throw error;
    await rm(path, { force: true });
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

async function tailOf(path: string, bytes: number): Promise<Buffer> {
  const size = await sizeOf(path);
  if (size === 0) return Buffer.alloc(0);
  const file = await open(path, 'r');
  try {
    const length = Math.min(size, bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
