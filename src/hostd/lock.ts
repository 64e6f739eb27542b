import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { codeOf, hostErrors } from './errors.ts';

/**
 * A name that at most one process on this machine holds. It is a listening socket in Linux's abstract namespace:
 * the kernel lets go of it when the process dies, however it dies, so no lock is ever stale.
 * https://man7.org/linux/man-pages/man7/unix.7.html
 */
export type MachineLock = { release(): Promise<void> };

/** Takes the name, or resolves with undefined when another process has it. */
export async function tryMachineLock(name: string): Promise<MachineLock | undefined> {
  // Whoever connects is turned away at once: the socket is a lock, not a service.
  const server = createServer((socket) => socket.destroy());
  server.unref();
  try {
    await listen(server, `\0coppice/${name}`);
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return undefined;
    throw error;
  }
  return { release: () => close(server) };
}

/** Claims a state directory for this daemon alone; by inode, so that no second path to it deceives. */
export async function lockStateDirectory(directory: string): Promise<MachineLock> {
  const { dev, ino } = await stat(directory, { bigint: true });
  const lock = await tryMachineLock(`state/${dev}/${ino}`);
  if (lock === undefined) throw hostErrors.stateDirectoryInUse(directory);
  return lock;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
