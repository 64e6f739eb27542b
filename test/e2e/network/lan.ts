import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const BRIDGE = 'br0';
/** Of the network that the hosts are on. */
export const MTU = 1400;

/** Why bridges cannot be tested here; undefined when they can. */
export const whyNoBridges = findWhyNot();

function findWhyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may make network namespaces';
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    execFileSync('unshare', ['--net', 'ip', 'link', 'add', BRIDGE, 'type', 'bridge'], { stdio: 'ignore' });
    return undefined;
  } catch (error) {
    return `no bridge can be made here: ${error instanceof Error ? error.message : error}`;
  }
}

/** A network namespace: what a host of its own is to the kernel's network. */
export type Namespace = {
  readonly name: string;
  /** Runs `ip` in it, and resolves with what it prints. */
  ip(...argv: readonly string[]): Promise<string>;
};

/** The `index`-th host's addresses on the LAN. */
function hostAddresses(index: number): readonly string[] {
  return [`10.77.0.${index + 1}/24`, `fd77::${index + 1}/64`];
}

/** Hosts in namespaces of their own, each with a bridge, whose bridges are one network. */
export class Lan {
  readonly hosts: readonly Namespace[];
  readonly #wire: Namespace;

  private constructor(hosts: readonly Namespace[], wire: Namespace) {
    this.hosts = hosts;
    this.#wire = wire;
  }

  /** The hosts have no bridge yet. */
  static async create(count: number): Promise<Lan> {
    const name = (what: string) => `coppice-${process.pid}-${what}`;
    const wire = namespace(name('wire'));
    const hosts = Array.from({ length: count }, (_, index) => namespace(name(`host${index}`)));
    const lan = new Lan(hosts, wire);
    try {
      for (const each of [wire, ...hosts]) await run('ip', ['netns', 'add', each.name]);
      await wire.ip('link', 'add', 'switch', 'mtu', String(MTU), 'type', 'bridge');
      await wire.ip('link', 'set', 'switch', 'up');
      for (const [index, host] of hosts.entries()) await lan.#plugIn(index, host);
      return lan;
    } catch (error) {
      await lan.close();
      throw error;
    }
  }

  /** Makes the bridge, with the host's own addresses and the cable to the others in it. */
  async makeBridge(index: number): Promise<void> {
    const host = this.host(index);
    await host.ip('link', 'add', BRIDGE, 'mtu', String(MTU), 'type', 'bridge');
    // A bridge has the lowest address of its ports: that of a card, which no tap's is below, and no random one.
    await host.ip('link', 'set', 'cable', 'address', `02:00:00:00:00:0${index + 1}`);
    await host.ip('link', 'set', 'cable', 'master', BRIDGE);
    await host.ip('link', 'set', BRIDGE, 'up');
    for (const address of hostAddresses(index))
      await host.ip('address', 'add', address, 'dev', BRIDGE, 'nodad');
  }

  host(index: number): Namespace {
    const found = this.hosts[index];
    if (found === undefined) throw new Error(`there is no host ${index}`);
    return found;
  }

  /** Takes the namespaces away, and all interfaces in them; nothing may run there any more. */
  async close(): Promise<void> {
    const listed = await run('ip', ['netns', 'list']);
    const known = listed.stdout.split('\n').map((line) => line.split(' ')[0]);
    for (const { name } of [...this.hosts, this.#wire]) {
      if (known.includes(name)) await run('ip', ['netns', 'delete', name]);
    }
  }

  async #plugIn(index: number, host: Namespace): Promise<void> {
    const port = `port${index}`;
    const peer = ['peer', 'name', 'cable', 'netns', host.name];
    await this.#wire.ip('link', 'add', port, 'mtu', String(MTU), 'type', 'veth', ...peer);
    await this.#wire.ip('link', 'set', port, 'master', 'switch', 'up');
    await host.ip('link', 'set', 'cable', 'mtu', String(MTU), 'up');
    await host.ip('link', 'set', 'lo', 'up');
  }
}

function namespace(name: string): Namespace {
  return {
    name,
    ip: async (...argv) => (await run('ip', ['-n', name, ...argv])).stdout,
  };
}
