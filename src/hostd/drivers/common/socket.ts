import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { type Clock, sleep } from '../../../base/clock.ts';
import { codeOf } from '../../errors/index.ts';

/** QEMU listens with a backlog of one: a third connection gets this error, and may be tried again. */
const busyCodes = new Set(['EAGAIN']);

/**
 * Connects to the UNIX socket `name` in `directory`. Goes through a descriptor of the folder, because the address of a UNIX socket
 * holds only 107 bytes and the path of a state directory may be longer. Tries again for up to `waitMs` while the socket is busy;
 * rejects with the system's error (`ENOENT`, `ECONNREFUSED`, …) otherwise.
 */
export async function connectIn(
  clock: Clock,
  directory: string,
  name: string,
  waitMs: number,
): Promise<Socket> {
  const until = clock.monotonic() + waitMs;
  for (;;) {
    try {
      return await connectOnce(directory, name);
    } catch (error) {
      if (!busyCodes.has(codeOf(error) ?? '') || clock.monotonic() >= until) throw error;
      await sleep(clock, 20);
    }
  }
}

async function connectOnce(directory: string, name: string): Promise<Socket> {
  const folder = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await new Promise((resolve, reject) => {
      const socket = createConnection({ path: `/proc/self/fd/${folder.fd}/${name}` });
      // Stays: an error before the caller listens must not end the daemon. The caller finds the socket destroyed.
      socket.on('error', reject);
      socket.once('connect', () => resolve(socket));
    });
  } finally {
    await folder.close();
  }
}
