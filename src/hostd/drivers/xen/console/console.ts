import { closeSync, constants, open } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import type { Clock } from '../../../../base/clock.ts';
import { boundConsole, longestConsoleBytes, openExclusively, readTail } from '../../common/console.ts';
import { allProcesses } from '../../common/processes.ts';
import { readDomainRecord } from '../domain/domain-record.ts';
import { findDomain } from '../domain/domains.ts';
import type { Toolstack } from '../xl/toolstack.ts';

const defaultDirectory = '/var/log/xen/console';
/** How long the answer to where xenconsoled keeps its logs is cached: it may be restarted with other arguments. */
const cacheMs = 30_000;

/** Files in the VM's folder: the output of earlier domains of the VM, and what was last cut off from that. */
const files = { console: 'console.log', older: 'console.log.1' } as const;

/**
 * The output of VMs' consoles. xenconsoled reads every domain's console from its creation on, whether or not the daemon runs or
 * somebody is connected to the console. If it is configured to keep a log, the driver reads that log.
 */
export class ConsoleLogs {
  readonly #clock: Clock;
  #found: { readonly directory: string | undefined; readonly at: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The folder of the guests' logs; undefined when xenconsoled keeps none, or does not run. */
  async directory(): Promise<string | undefined> {
    const now = this.#clock.monotonic();
    if (this.#found === undefined || now - this.#found.at > cacheMs) {
      this.#found = { directory: await logDirectory(), at: now };
    }
    return this.#found.directory;
  }

  /** The last `bytes` that the VM wrote, over all its starts; empty when there is nothing. */
  async tail(directory: string, bytes: number): Promise<string> {
    const live = await this.#live(directory);
    const older = [files.older, files.console].map((name) => join(directory, name));
    return (await readTail([...older, ...(live === undefined ? [] : [live])], bytes)).toString();
  }

  /** Limits the size of the present domain's log. */
  async bound(directory: string): Promise<void> {
    const live = await this.#live(directory);
    if (live !== undefined) await boundConsole(live, join(directory, files.console));
  }

  /** Moves the log of a domain that is gone into the VM's folder, so that it is deleted together with the VM. */
  async collect(directory: string): Promise<void> {
    const live = await this.#live(directory);
    if (live === undefined) return;
    const kept = join(directory, files.console);
    const written = await readTail([live], longestConsoleBytes);
    if (written.length > 0) {
      await appendFile(kept, written);
      await boundConsole(kept, join(directory, files.older));
    }
    await rm(live, { force: true });
  }

  async #live(directory: string): Promise<string | undefined> {
    const [record, logs] = await Promise.all([readDomainRecord(directory), this.directory()]);
    return record === undefined || logs === undefined ? undefined : join(logs, `guest-${record.domain}.log`);
  }
}

async function logDirectory(): Promise<string | undefined> {
  const daemon = (await allProcesses()).find(
    ({ arguments: [program = ''] }) => basename(program) === 'xenconsoled',
  );
  return daemon === undefined ? undefined : logDirectoryOf(daemon.arguments);
}

/** The folder in which a xenconsoled with these arguments keeps the guests' logs; undefined when it keeps none. */
export function logDirectoryOf(argv: readonly string[]): string | undefined {
  const setting = (name: string) => {
    const joined = argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
    const at = argv.indexOf(`--${name}`);
    return joined ?? (at === -1 ? undefined : argv[at + 1]);
  };
  const logged = setting('log') ?? 'none';
  return logged === 'guest' || logged === 'all' ? (setting('log-dir') ?? defaultDirectory) : undefined;
}

/**
 * Connects to the VM's console, which is a terminal of xenconsoled. Two readers would each get only a part of the output, so a second
 * connection is refused, and so is one beside a running `xl console`.
 */
export async function openConsole(
  toolstack: Toolstack,
  directory: string,
  inUse: Set<string>,
): Promise<Duplex> {
  return openExclusively(inUse, directory, async () => openTerminal(await terminalOf(toolstack, directory)));
}

async function terminalOf(toolstack: Toolstack, directory: string): Promise<string> {
  const record = await readDomainRecord(directory);
  const domain = record === undefined ? undefined : await findDomain(toolstack, record.uuid, directory);
  if (domain === undefined) throw new Error('the VM does not run');
  const client = (await allProcesses()).find(
    ({ arguments: [program = '', id] }) => basename(program) === 'xenconsole' && id === String(domain.id),
  );
  if (client !== undefined) throw new Error(`somebody is using it through xl console (pid ${client.pid})`);
  const path = `/local/domain/${domain.id}`;
  // Firmware and boot loader write to the first serial line, if the machine has one.
  const terminal =
    (await toolstack.xenstore(`${path}/serial/0/tty`)) ?? (await toolstack.xenstore(`${path}/console/tty`));
  if (terminal === undefined || !terminal.startsWith('/dev/'))
    throw new Error('xenconsoled has no terminal for it');
  return terminal;
}

/** xenconsoled has set the terminal to raw mode, so bytes pass unchanged. */
async function openTerminal(path: string): Promise<Duplex> {
  // A bare descriptor, because the stream owns and closes it.
  const descriptor = await promisify(open)(path, constants.O_RDWR | constants.O_NOCTTY);
  try {
    const terminal = new ReadStream(descriptor);
    // Stays: the end of the domain hangs the terminal up, and that must not end the daemon. The reader finds it destroyed.
    terminal.on('error', () => terminal.destroy());
    return terminal;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
