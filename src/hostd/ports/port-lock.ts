import { createServer, type Server } from 'node:net';
import { codeOf } from '../errors/index.ts';
import type { Lock } from '../files/file-lock.ts';

/**
 * Claims a port before anything listens at it, or resolves with undefined when another daemon has. The claim is a listening
 * socket in Linux's abstract namespace, of which each network namespace has its own, as it has its own ports; like a port,
 * any user may hold it. The kernel lets go of it when the process dies, however it dies.
 * https://man7.org/linux/man-pages/man7/unix.7.html
 */
export async function tryPortLock(port: number): Promise<Lock | undefined> {
  // Whoever connects is turned away at once: the socket is a lock, not a service.
  const server = createServer((socket) => socket.destroy());
  server.unref();
  try {
    await listen(server, `\0coppice/port/${port}`);
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') return undefined;
    throw error;
  }
  return { release: () => close(server) };
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
