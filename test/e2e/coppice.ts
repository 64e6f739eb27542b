import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { findCondition } from '../../src/api/conditions.ts';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { createKubeClient } from '../../src/kube/client/create.ts';
import { type Layout, layoutOf } from '../../src/main/local/layout.ts';
import { findPart, logTail } from '../../src/main/local/processes.ts';
import { createLog } from '../../src/main/log.ts';
import { freePorts } from '../kubernetes/processes.ts';
import { coppiceProgram } from '../programs.ts';
import { buildGuestImage } from './guest-vm.ts';
import { isQemu, killAndWait, processesNaming } from './processes.ts';

const repository = resolve(import.meta.dirname, '../..');
const program = await coppiceProgram();

/** Emulated guests boot in seconds on an idle machine, ten at once on a busy one take minutes. */
const PATIENCE_MS = 420_000;
const SHORTEST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 500;
const LOG_LINES = 12;

/** How a program ended, and all that it said. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A program that was started and can be waited for. */
export interface Started {
  /** What it has said so far. */
  output(): string;
  /** Ctrl-C, as a terminal gives it: to the program and to those that it started in its group. */
  interrupt(): void;
  readonly ended: Promise<Ended>;
}

/** A program that a person sits in front of. */
export interface Terminal extends Started {
  type(keys: string): void;
}

/** One running VM, by the process that it is. */
export interface Vm {
  readonly uuid: string;
  readonly pid: number;
}

/** A Coppice in a data directory of its own, used as people use it: by its command line and its API. */
export class Coppice {
  readonly dataDir: string;
  readonly layout: Layout;
  #client: KubeClient | undefined;

  private constructor(dataDir: string) {
    this.dataDir = dataDir;
    this.layout = layoutOf(dataDir);
  }

  /** A new data directory in which nothing was started yet; the guest image in it is built only once for all. */
  static async create(): Promise<Coppice> {
    const guest = join(repository, '.coppice/test-guest');
    await buildGuestImage(repository, guest);
    const made = new Coppice(await mkdtemp(join(tmpdir(), 'coppice-e2e-')));
    await mkdir(made.layout.guests);
    await symlink(guest, join(made.layout.guests, 'minimal'));
    return made;
  }

  /** As `create`, and brought up with these options. */
  static async up(...options: readonly string[]): Promise<Coppice> {
    const made = await Coppice.create();
    try {
      const [port] = await freePorts(1);
      await made.run('up', '--api-port', `${port}`, ...options);
      return made;
    } catch (error) {
      await made.close();
      throw error;
    }
  }

  /** To look and to act with; only once it is up. */
  get client(): KubeClient {
    this.#client ??= this.#connect();
    return this.#client;
  }

  /** Starts `coppice COMMAND …` on this data directory. */
  start(command: string, ...args: readonly string[]): Started {
    return followed(this.#spawn('ignore', process.execPath, [program, command, ...args]));
  }

  /** As `start`, at a terminal of its own, which `script` lends it. */
  startAtTerminal(command: string, ...args: readonly string[]): Terminal {
    const words = [process.execPath, program, command, ...args].map((word) => `'${word}'`).join(' ');
    const child = this.#spawn('pipe', 'script', ['--quiet', '--return', '--command', words, '/dev/null']);
    return { ...followed(child), type: (keys) => child.stdin?.write(keys) };
  }

  /** Runs `coppice COMMAND …` and resolves with what it printed; rejects with that when it fails. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const { code, output } = await this.start(command, ...args).ended;
    if (code !== 0) throw new Error(`coppice ${command} ${args.join(' ')} ended with ${code}:\n${output}`);
    return output;
  }

  /** SIGKILL to one of api, operator, host-a, …; resolves when it is gone. Not running: nothing to do. */
  async kill(part: string): Promise<void> {
    const pid = await findPart(this.layout, part);
    if (pid !== undefined) await killAndWait(pid);
  }

  /** Its VMs, as the machine's list of processes tells, not as anybody of Coppice does. */
  async vms(): Promise<readonly Vm[]> {
    const processes = (await processesNaming(this.dataDir)).filter(isQemu);
    return processes
      .map(({ pid, argv }) => ({ pid, uuid: argv[argv.indexOf('-uuid') + 1] ?? '' }))
      .sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  }

  /** The uuids of which a host has a folder, with an overlay in it or about to be, sorted. */
  async overlays(): Promise<readonly string[]> {
    const hosts = await readdir(join(this.dataDir, 'hosts'));
    const folders = await Promise.all(
      hosts.map(async (host) => readdir(join(this.layout.hostState(host), 'appliances'))),
    );
    return folders.flat().sort();
  }

  async appliances(): Promise<readonly VirtualAppliance[]> {
    return (await this.client.list(VIRTUAL_APPLIANCES)).items;
  }

  /** Looks until `look` no longer throws and resolves with what it found; in the end rejects with how all stands. */
  async eventually<T>(what: string, look: () => Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
    const deadline = Date.now() + patienceMs;
    for (let pauseMs = SHORTEST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.1, LONGEST_PAUSE_MS)) {
      try {
        return await look();
      } catch (error) {
        if (Date.now() > deadline) throw new Error(await this.#report(what, error), { cause: error });
      }
      await delay(pauseMs);
    }
  }

  /** Ends it, checks that nothing of it runs any more, and removes its data. */
  async close(): Promise<void> {
    await this.#client?.close();
    const down = await this.start('down').ended;
    const left = await processesNaming(this.dataDir);
    for (const { pid } of left) await killAndWait(pid);
    await rm(this.dataDir, { recursive: true, force: true });
    if (left.length > 0) {
      const names = left.map(({ pid, argv }) => `${pid} ${argv.join(' ')}`).join('\n');
      throw new Error(`still running after coppice down:\n${names}\n${down.output}`);
    }
  }

  /** In a group of its own, so that it can be interrupted as one. */
  #spawn(stdin: 'ignore' | 'pipe', program: string, args: readonly string[]): ChildProcess {
    const own = { COPPICE_DATA_DIR: this.dataDir, KUBECONFIG: this.layout.kubeconfig };
    const env = { ...process.env, ...own };
    return spawn(program, args, { env, stdio: [stdin, 'pipe', 'pipe'], detached: true });
  }

  #connect(): KubeClient {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(this.layout.kubeconfig);
    return createKubeClient(kubeConfig, { log: createLog('e2e', 'warn'), userAgent: 'coppice-e2e' });
  }

  async #report(what: string, error: unknown): Promise<string> {
    const told = [`never came true: ${what}`, error instanceof Error ? error.message : String(error)];
    const appliances = await this.appliances().catch((why: unknown) => `no appliances to be had: ${why}`);
    if (typeof appliances === 'string') told.push(appliances);
    else told.push(...appliances.map(standingOf));
    for (const part of [
      'supervisor',
      'operator',
      'api',
      ...(await readdir(join(this.dataDir, 'hosts')).catch(() => [])),
    ]) {
      told.push(`--- the end of ${part}'s log:`, await logTail(this.layout, part, LOG_LINES));
    }
    return told.join('\n');
  }
}

function standingOf({ metadata, spec, status }: VirtualAppliance): string {
  const ready = findCondition(status?.conditions, 'Ready');
  return `${metadata.name} on ${spec.hostName}: ${status?.serviceState} ${ready?.reason}: ${ready?.message}`;
}

/** What a program says, and its end. */
function followed(child: ChildProcess): Started {
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const output = () => Buffer.concat(chunks).toString();
  const ended = new Promise<Ended>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, output: output() }));
  });
  return { output, ended, interrupt: () => process.kill(-(child.pid ?? Number.NaN), 'SIGINT') };
}
