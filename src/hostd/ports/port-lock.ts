import { createServer, type Server } from 'node:net';
import { codeOf } from '../errors/index.ts';
import type { Lock } from '../files/file-lock.ts';

/**
 * Claims a port before anything listens on it. Resolves with undefined when another daemon has claimed it. The claim is a listening
 * socket in Linux's abstract namespace: like ports, each network namespace has its own, and any user may take one. The kernel
 * releases it when the process dies, however it dies.
 * https://man7.org/linux/man-pages/man7/unix.7.html
 */
export async function tryPortLock(port: number): Promise<Lock | undefined> {
  // Connections are closed at once: the socket is a lock, not a service.
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
