import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { locate } from '../../../src/hostd/programs.ts';
import { coppiceProgram } from '../../programs.ts';
import type { Bed, BedNetwork, DaemonIdentity, RunningVm } from '../../scenarios/bed.ts';
import { DAEMON_PORT, daemonArguments, identityFiles } from '../../scenarios/daemon-command.ts';
import { ENDED_BY_ITSELF } from '../../scenarios/retries.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';

const execute = promisify(execFile);

/** Node is on every host of QEMU; curl and wget are not. */
const FETCH =
  'const a = await fetch(process.argv[1]); process.stdout.write(await a.text()); process.exit(a.ok ? 0 : 1)';

const BRIDGE = 'br0';
/** The host's own interface on its bridge, which no boot takes away. */
const UPLINK = 'uplink';

const needed = ['qemu-system-x86_64', 'qemu-img', 'ip', 'setpriv'] as const;
const missing = (
  await Promise.all(
    needed.map(async (name) => ((await locate(name, process.env.PATH ?? '')) === undefined ? [name] : [])),
  )
).flat();

/** Why there can be no bed here; undefined where there can. */
export const bedIsImpossible: string | undefined =
  missing.length > 0
    ? `missing programs: ${missing.join(', ')}`
    : process.getuid?.() === 0
      ? undefined
      : 'network namespaces and bridges need root';

/**
 * A network namespace as host, with the daemon and its VMs' taps in it. Its bridge has a leg in this machine's own network, by
 * which the operator reaches the daemon and the test the VMs.
 */
export class QemuBed implements Bed {
  readonly driver = 'qemu';
  readonly network: BedNetwork;
  readonly #folder: string;
  readonly #namespace: string;
  readonly #subnet: string;
  #daemon: ChildProcess | undefined;

  private constructor(folder: string, namespace: string, subnet: string) {
    this.#folder = folder;
    this.#namespace = namespace;
    this.#subnet = subnet;
    this.network = { prefix: 24, gateway: `${subnet}.1`, first: `${subnet}.100`, last: `${subnet}.119` };
  }

  static async create(): Promise<QemuBed> {
    const folder = await mkdtemp(join(tmpdir(), 'coppice-bed-'));
    const digits = randomInt(2 ** 32).toString(16);
    const bed = new QemuBed(folder, `coppice-${digits}`, freeSubnet());
    try {
      await bed.#makeNetwork(`cop-${digits}`);
      return bed;
    } catch (error) {
      await bed.close();
      throw error;
    }
  }

  get stateDirectory(): string {
    return join(this.#folder, 'state');
  }

  async startDaemon(identity: DaemonIdentity): Promise<string> {
    const identityFolder = join(this.#folder, 'identity');
    await mkdir(identityFolder, { recursive: true, mode: 0o700 });
    for (const [part, file] of Object.entries(identityFiles)) {
      await writeFile(join(identityFolder, file), identity[part as keyof typeof identityFiles]);
    }
    const paths = { stateDirectory: this.stateDirectory, identityFolder, fileRoot: '/' };
    const main = await coppiceProgram();
    const command = [process.execPath, main, ...daemonArguments(identity, { driver: 'qemu', ...paths })];
    const log = await open(this.#logFile, 'a');
    // It ends with this process at the latest.
    const daemon = spawn('setpriv', ['--pdeathsig', 'KILL', ...this.#inside(command)], {
      stdio: ['ignore', log.fd, log.fd],
    });
    this.#daemon = daemon;
    daemon.once('exit', (code, signal) => {
      if (this.#daemon === daemon) this.#tellEnd(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
    await once(daemon, 'spawn');
    await log.close();
    return `https://${this.network.gateway}:${DAEMON_PORT}`;
  }

  async killDaemon(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
  }

  async daemonLog(): Promise<string> {
    return await readFile(this.#logFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
  }

  async provide(file: string): Promise<string> {
    return pathToFileURL(file).href;
  }

  async run(argv: readonly string[]): Promise<string> {
    const [program = '', ...args] = this.#inside(argv);
    return (await execute(program, args)).stdout;
  }

  async fetch(url: string): Promise<string> {
    return await this.run([process.execPath, '--input-type=module', '-e', FETCH, url]);
  }

  async vms(): Promise<readonly RunningVm[]> {
    return (await processesNaming(this.stateDirectory))
      .filter(isQemu)
      .map(({ pid, argv }) => ({ uuid: argv[argv.indexOf('-uuid') + 1] ?? '', incarnation: `${pid}` }))
      .sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
  }

  /** Does what a host's reboot does: ends all processes, and removes all interfaces that were created. */
  async reboot(): Promise<void> {
    await this.#endProcesses();
    for (const name of await this.#interfacesOnBridge()) {
      if (name !== UPLINK) await this.#ip('link', 'delete', 'dev', name);
    }
    await this.#ip('link', 'delete', 'dev', BRIDGE);
    await this.#makeBridge();
  }

  async outside(address: string, port: number): Promise<string> {
    return `http://${address}:${port}`;
  }

  async close(): Promise<void> {
    await this.#endProcesses();
    // The bridge, the VMs' taps and the leg's other end go with it.
    await execute('ip', ['netns', 'delete', this.#namespace]).catch(unlessMissing);
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #logFile(): string {
    return join(this.#folder, 'daemon.log');
  }

  /** At once, so that no line of a next daemon comes before it. */
  #tellEnd(exitStatus: number): void {
    appendFileSync(this.#logFile, `${JSON.stringify({ msg: ENDED_BY_ITSELF, exitStatus })}\n`);
  }

  #inside(argv: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.#namespace, ...argv];
  }

  async #makeNetwork(leg: string): Promise<void> {
    const namespace = this.#namespace;
    const ip = (...args: readonly string[]) => execute('ip', args);
    await ip('netns', 'add', namespace);
    await ip('link', 'add', leg, 'type', 'veth', 'peer', 'name', UPLINK, 'netns', namespace);
    for (const name of ['lo', UPLINK]) await this.#ip('link', 'set', name, 'up');
    await this.#makeBridge();
    await ip('address', 'add', `${this.#subnet}.2/24`, 'dev', leg);
    await ip('link', 'set', leg, 'up');
  }

  /** As the host's configuration has it made at each boot. */
  async #makeBridge(): Promise<void> {
    await this.#ip('link', 'add', BRIDGE, 'type', 'bridge');
    await this.#ip('link', 'set', UPLINK, 'master', BRIDGE);
    await this.#ip('address', 'add', `${this.network.gateway}/24`, 'dev', BRIDGE);
    await this.#ip('link', 'set', BRIDGE, 'up');
  }

  async #interfacesOnBridge(): Promise<readonly string[]> {
    const { stdout } = await this.#ip('-j', 'link', 'show', 'master', BRIDGE);
    return (JSON.parse(stdout) as readonly { readonly ifname: string }[]).map(({ ifname }) => ifname);
  }

  async #endProcesses(): Promise<void> {
    await this.killDaemon();
    for (const { pid } of await processesNaming(this.stateDirectory)) await killAndWait(pid);
  }

  #ip(...args: readonly string[]): Promise<{ readonly stdout: string }> {
    return execute('ip', ['-n', this.#namespace, ...args]);
  }
}

/** The first three numbers of a network that this machine has no leg in, of those kept for tests of networks (RFC 2544). */
function freeSubnet(): string {
  const taken = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.map(({ address }) => address.slice(0, address.lastIndexOf('.'))),
  );
  for (;;) {
    const subnet = `198.${18 + randomInt(2)}.${randomInt(256)}`;
    if (!taken.includes(subnet)) return subnet;
  }
}

function unlessMissing(error: unknown): void {
  if (!String(error).includes('No such file')) throw error;
}
