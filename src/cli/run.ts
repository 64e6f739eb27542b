import { flushCompileCache } from 'node:module';
import type { Logger } from 'pino';

/**
 * Runs a program until SIGINT or SIGTERM. `start` gets the abort signal, and resolves when everything runs. A second SIGINT or
 * SIGTERM exits at once. An error is logged in one line, and the exit code is 1.
 */
export async function runUntilSignal(
  log: Logger,
  start: (signal: AbortSignal) => Promise<{ close(): Promise<void> }>,
): Promise<void> {
  const controller = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        if (controller.signal.aborted) process.exit(130);
        log.info({ signal: name }, 'stopping');
        controller.abort();
        resolve();
      });
    }
  });
  try {
    const running = await untilUp(start, controller.signal);
    if (running === undefined) return;
    // Node saves its compile cache only at a regular exit, which a program that is killed never reaches.
    flushCompileCache();
    await stopped;
    await running.close();
  } catch (error) {
    log.fatal({ err: error }, explain(error));
    process.exitCode = 1;
  }
}

/** Undefined when the start was interrupted. */
async function untilUp<T>(
  start: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await start(signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code !== 'EADDRINUSE') return error.message;
  return `${address}:${port} is in use by another program (perhaps another Coppice): stop that program, or choose another address or port`;
}
