import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Bed, DaemonIdentity, RunningVm } from '../scenarios/bed.ts';
import { DAEMON_PORT, daemonArguments, identityFiles } from '../scenarios/daemon-command.ts';
import { ENDED_BY_ITSELF } from '../scenarios/retries.ts';
import { provideProgram } from './bundle.ts';
import { type Dom0, dom0Address } from './dom0.ts';

/**
 * Supervises the daemon as a service manager does: starts it again when it ends by itself. In this emulated dom0 a program dies by a
 * signal once in hundreds of starts (docs/xen.md); the logged exit status shows whether it ended for another reason. Prints the
 * supervisor's process id.
 */
const SUPERVISE = `while :; do
  "$@" &
  wait $!
  echo "{\\"msg\\":\\"${ENDED_BY_ITSELF}\\",\\"exitStatus\\":$?}"
  sleep 1
done`;
const START = 'setsid "$@" >>/share/hostd.log 2>&1 </dev/null & echo $!';
/** Stops the supervisor first, so that it starts nothing more. Its child is the daemon; it has none if the daemon has just ended. */
const KILL = 'kill -STOP "$1" && { pkill -KILL -P "$1" || [ $? = 1 ]; } && kill -KILL "$1"';

interface ListedDomain {
  readonly domid: number;
  readonly config: { readonly c_info: { readonly name: string; readonly uuid: string } };
}

/** A dom0 for one test suite, with the daemon in it. */
export class XenBed implements Bed {
  readonly driver = 'xen';
  readonly network = { prefix: 24, gateway: '10.0.2.2', first: '10.0.2.100', last: '10.0.2.119' } as const;
  readonly stateDirectory = '/var/lib/coppice';
  readonly dom0: Dom0;
  readonly #occupied = new Map<string, ListedDomain>();
  #supervisor: string | undefined;

  constructor(dom0: Dom0) {
    this.dom0 = dom0;
  }

  async startDaemon(identity: DaemonIdentity): Promise<string> {
    for (const [part, file] of Object.entries(identityFiles)) {
      await writeFile(this.#share(file), identity[part as keyof typeof identityFiles]);
    }
    const paths = {
      stateDirectory: this.stateDirectory,
      identityFolder: '/share',
      fileRoot: '/share/provided',
    };
    const coppice = await provideProgram(this.dom0, 'src/cli/main.ts');
    const command = [...coppice, ...daemonArguments(identity, { driver: 'xen', ...paths })];
    const supervised = ['sh', '-c', SUPERVISE, 'sh', ...command];
    this.#supervisor = (await this.dom0.run(['/bin/sh', '-c', START, 'sh', ...supervised])).trim();
    return `https://127.0.0.1:${await this.dom0.forward(dom0Address, DAEMON_PORT)}`;
  }

  async killDaemon(): Promise<void> {
    if (this.#supervisor === undefined) return;
    await this.dom0.run(['/bin/sh', '-c', KILL, 'sh', this.#supervisor]);
    this.#supervisor = undefined;
  }

  async daemonLog(): Promise<string> {
    return await readFile(this.#share('hostd.log'), 'utf8').catch(emptyIfMissing);
  }

  async provide(file: string): Promise<string> {
    const { size, mtimeMs } = await stat(file);
    // Different files of the same name, such as two kernels, must not overwrite each other.
    const name = `${size}-${Math.trunc(mtimeMs)}-${basename(file)}`;
    await mkdir(this.#share('provided'), { recursive: true });
    await copyFile(file, this.#share(`provided/${name}`));
    return `file:///share/provided/${name}`;
  }

  async run(argv: readonly string[]): Promise<string> {
    return await this.dom0.run(['/usr/bin/env', '--', ...argv]);
  }

  async fetch(url: string): Promise<string> {
    return await this.run(['busybox', 'wget', '-q', '-O', '-', url]);
  }

  async vms(): Promise<readonly RunningVm[]> {
    const foreign = new Set([...this.#occupied.values()].map(({ config }) => config.c_info.uuid));
    return (await this.#domains())
      .filter(({ domid, config }) => domid !== 0 && !foreign.has(config.c_info.uuid))
      .map(({ domid, config }) => ({ uuid: config.c_info.uuid, incarnation: `${domid}` }))
      .sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  }

  async reboot(): Promise<void> {
    this.#supervisor = undefined;
    await this.dom0.reboot('power-cut');
  }

  async outside(address: string, port: number): Promise<string> {
    return `http://127.0.0.1:${await this.dom0.forward(address, port)}`;
  }

  async occupyName(name: string, kernel: string): Promise<void> {
    const path = new URL(await this.provide(kernel)).pathname;
    const lines = [`name = "${name}"`, 'type = "pv"', `kernel = "${path}"`, 'memory = 128'];
    const configuration = `${lines.join('\n')}\n`;
    await writeFile(this.#share('foreign.cfg'), configuration);
    await this.run(['xl', 'create', '-p', '/share/foreign.cfg']);
    const made = (await this.#domains()).find(({ config }) => config.c_info.name === name);
    if (made === undefined) throw new Error(`there is no domain ${name} after its creation`);
    this.#occupied.set(name, made);
  }

  async releaseName(name: string): Promise<void> {
    const made = this.#occupied.get(name);
    const found = (await this.#domains()).find(({ domid }) => domid === made?.domid);
    if (made === undefined || found?.config.c_info.uuid !== made.config.c_info.uuid) {
      throw new Error(`domain ${name} is gone, or is no longer the one that was made`);
    }
    await this.run(['xl', 'destroy', `${made.domid}`]);
    this.#occupied.delete(name);
  }

  async close(): Promise<void> {
    await this.dom0.close();
  }

  async #domains(): Promise<readonly ListedDomain[]> {
    return JSON.parse(await this.run(['xl', 'list', '-l'])) as readonly ListedDomain[];
  }

  #share(name: string): string {
    return join(this.dom0.folder, 'share', name);
  }
}

/** A handler for reading a file that may not exist yet. */
export function emptyIfMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
