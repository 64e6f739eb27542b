import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A server program that a test started. */
export interface TestProcess {
  /** Resolves once `isReady` does so with true; rejects with the log's tail when the program ends before. */
  waitUntil(isReady: () => Promise<boolean>): Promise<void>;
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
}

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;

/** Starts a program; its output goes to the file `logPath`. It ends with this process at the latest. */
export function startProcess(
  program: string,
  args: readonly string[],
  logPath: string,
  env: NodeJS.ProcessEnv = process.env,
): TestProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const log = createWriteStream(logPath, { flags: 'a' });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  // Whoever waits gets it; with nobody waiting it must not end the process.
  failed.catch(() => undefined);
  const kill = () => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  const end = async (signal: NodeJS.Signals) => {
    process.off('exit', kill);
    await stop(child, signal);
    log.end();
  };
  return {
    waitUntil: (isReady) => Promise.race([waitUntil(child, isReady, program, logPath), failed]),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

async function waitUntil(
  child: ChildProcess,
  isReady: () => Promise<boolean>,
  program: string,
  logPath: string,
): Promise<void> {
  const until = performance.now() + readyTimeoutMs;
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() > until) {
      const tail = (await readFile(logPath, 'utf8')).split('\n').slice(-10).join('\n');
      throw new Error(`${program} ${child.exitCode === null ? 'does not get ready' : 'ended'}:\n${tail}`);
    }
    await delay(100);
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}

/** Kills a process; one that has ended meanwhile is fine. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  return await Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      if (address === null || typeof address === 'string') {
        throw new Error('a TCP server has no port');
      }
      return address.port;
    }),
  );
}
