import { once } from 'node:events';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../../../base/clock.ts';
import { codeOf } from '../../../errors/index.ts';
import { syncFile } from '../../../files/durable-files.ts';
import { connectIn } from '../../common/socket.ts';
import { vmFiles } from '../files.ts';

const connectLimitMs = 10_000;

/** Where QEMU, which runs in the VM's folder, sends the state of its devices, or waits for it: its sandbox lets it start no program. */
export const STATE_URI = `unix:${vmFiles.state}`;

/**
 * Listens in the VM's folder while `send` has QEMU send its state to {@link STATE_URI}, and writes that to the file `target`, durably.
 * Resolves when `send` has and the state has ended.
 */
export async function receiveState(
  directory: string,
  target: string,
  signal: AbortSignal,
  send: () => Promise<void>,
): Promise<void> {
  await rm(join(directory, vmFiles.state), { force: true });
  // As in `connectIn`: the address of a socket holds only 107 bytes.
  const folder = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const server = createServer();
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  try {
    server.listen({ path: `/proc/self/fd/${folder.fd}/${vmFiles.state}` });
    await once(server, 'listening', { signal: until });
    // The first failure is the cause of the other: a full disk ends the connection, and QEMU's sending with it.
    await Promise.all([send(), write(server, target, until)]);
  } finally {
    stop.abort();
    server.close();
    await rm(join(directory, vmFiles.state), { force: true });
    await folder.close();
  }
  await syncFile(target);
}

async function write(server: Server, target: string, signal: AbortSignal): Promise<void> {
  const [socket] = (await once(server, 'connection', { signal })) as [Socket];
  await pipeline(socket, createWriteStream(target, { mode: 0o600 }), { signal });
}

/** QEMU ends the connection as soon as it has the end of the state, or cannot use it: it may come before all is sent. */
const ENDED_BY_QEMU = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ECONNRESET']);

/**
 * Sends a file, from there to its end, to the QEMU in `directory`, which listens there. Whether QEMU could use it, `untilMigrated` tells.
 */
export async function sendState(
  clock: Clock,
  directory: string,
  { path, start }: { readonly path: string; readonly start: number },
  signal: AbortSignal,
): Promise<void> {
  const socket = await connectIn(clock, directory, vmFiles.state, connectLimitMs);
  await pipeline(createReadStream(path, { start }), socket, { signal }).catch((error: unknown) => {
    if (!ENDED_BY_QEMU.has(codeOf(error) ?? '')) throw error;
  });
}
