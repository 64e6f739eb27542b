import { closeSync, constants, open } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { ReadStream } from 'node:tty';
import { promisify } from 'node:util';
import type { Clock } from '../../../../base/clock.ts';
import { hostErrors, messageOf } from '../../../errors/index.ts';
import { boundConsole, longestConsoleBytes, readTail } from '../../common/console.ts';
import { allProcesses } from '../../common/process-list.ts';
import { readNote } from '../domain-record.ts';
import { findDomain } from '../domains.ts';
import { vmFiles } from '../files.ts';
import type { Toolstack } from '../xl/toolstack.ts';

const defaultDirectory = '/var/log/xen/console';
/** How long it is believed where xenconsoled keeps its logs: it may be started anew with other arguments. */
const trustMs = 30_000;

/**
 * What VMs write to their consoles. xenconsoled owns every domain's console from its making on, and is the one reader that
 * neither the daemon's end nor anybody at the console disturbs: where it is told to keep a log, that log is read.
 */
export class ConsoleLogs {
  readonly #clock: Clock;
  #found: { readonly directory: string | undefined; readonly at: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Where xenconsoled keeps the guests' logs; undefined when it keeps none, or does not run. */
  async directory(): Promise<string | undefined> {
    const now = this.#clock.monotonic();
    if (this.#found === undefined || now - this.#found.at > trustMs) {
      this.#found = { directory: await logDirectory(), at: now };
    }
    return this.#found.directory;
  }

  /** The last `bytes` that the VM wrote, over all its starts; empty when there is nothing. */
  async tail(directory: string, bytes: number): Promise<string> {
    const live = await this.#live(directory);
    const older = [vmFiles.olderConsole, vmFiles.console].map((name) => join(directory, name));
    return (await readTail([...older, ...(live === undefined ? [] : [live])], bytes)).toString();
  }

  /** Keeps the log of the present domain from growing without end. */
  async bound(directory: string): Promise<void> {
    const live = await this.#live(directory);
    if (live !== undefined) await boundConsole(live, join(directory, vmFiles.console));
  }

  /** Takes the log of a domain that is no more into the VM's folder, so that it goes with it. */
  async collect(directory: string): Promise<void> {
    const live = await this.#live(directory);
    if (live === undefined) return;
    const kept = join(directory, vmFiles.console);
    const written = await readTail([live], longestConsoleBytes);
    if (written.length > 0) {
      await appendFile(kept, written);
      await boundConsole(kept, join(directory, vmFiles.olderConsole));
    }
    await rm(live, { force: true });
  }

  async #live(directory: string): Promise<string | undefined> {
    const [note, logs] = await Promise.all([readNote(directory), this.directory()]);
    return note === undefined || logs === undefined ? undefined : join(logs, `guest-${note.domain}.log`);
  }
}

async function logDirectory(): Promise<string | undefined> {
  const daemon = (await allProcesses()).find(
    ({ arguments: [program = ''] }) => basename(program) === 'xenconsoled',
  );
  return daemon === undefined ? undefined : logDirectoryOf(daemon.arguments);
}

/** Where a xenconsoled with these arguments keeps the guests' logs; undefined when it keeps none. */
export function logDirectoryOf(words: readonly string[]): string | undefined {
  const setting = (name: string) => {
    const joined = words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
    const at = words.indexOf(`--${name}`);
    return joined ?? (at === -1 ? undefined : words[at + 1]);
  };
  const logged = setting('log') ?? 'none';
  return logged === 'guest' || logged === 'all' ? (setting('log-dir') ?? defaultDirectory) : undefined;
}

/**
 * Connects to the VM's console: the terminal that xenconsoled keeps for it. Two readers would each get a part of what
 * the guest writes, hence `inUse`, the folders of the VMs whose console somebody has by this daemon; `xl console` is looked
 * for.
 */
export async function openConsole(
  toolstack: Toolstack,
  directory: string,
  inUse: Set<string>,
): Promise<Duplex> {
  if (inUse.has(directory)) throw hostErrors.consoleUnavailable('somebody else is at it');
  inUse.add(directory);
  try {
    const terminal = await openTerminal(await terminalOf(toolstack, directory));
    terminal.once('close', () => inUse.delete(directory));
    return terminal;
  } catch (error) {
    inUse.delete(directory);
    throw hostErrors.consoleUnavailable(messageOf(error));
  }
}

async function terminalOf(toolstack: Toolstack, directory: string): Promise<string> {
  const note = await readNote(directory);
  const domain = note === undefined ? undefined : await findDomain(toolstack, note.uuid, directory);
  if (domain === undefined) throw new Error('the VM does not run');
  const client = (await allProcesses()).find(
    ({ arguments: [program = '', id] }) => basename(program) === 'xenconsole' && id === String(domain.id),
  );
  if (client !== undefined) throw new Error(`somebody is at it by xl console (pid ${client.pid})`);
  const path = `/local/domain/${domain.id}`;
  // The first serial line, where the machine has one, is what its firmware and boot loader write to.
  const terminal =
    (await toolstack.xenstore(`${path}/serial/0/tty`)) ?? (await toolstack.xenstore(`${path}/console/tty`));
  if (terminal === undefined || !terminal.startsWith('/dev/'))
    throw new Error('xenconsoled has no terminal for it');
  return terminal;
}

/** xenconsoled has set it raw, so bytes pass as they are. */
async function openTerminal(path: string): Promise<Duplex> {
  // A bare descriptor: the stream takes it for its own and closes it.
  const descriptor = await promisify(open)(path, constants.O_RDWR | constants.O_NOCTTY);
  try {
    const terminal = new ReadStream(descriptor);
    // Stays: the domain's end hangs it up, and that must not end the process; its reader finds it destroyed.
    terminal.on('error', () => terminal.destroy());
    return terminal;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
