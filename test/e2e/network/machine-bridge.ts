import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Addresses for documentation (RFC 5737), which no network has; each file of tests takes another of them. */
type Network = '198.51.100' | '203.0.113';

/** A bridge in the machine's own network, on which nothing but VMs is; the machine reaches them at its gateway. */
export class MachineBridge {
  readonly name = `e2e${process.pid}`;
  readonly prefixLength = 24;
  readonly gateway: string;
  readonly #network: Network;

  private constructor(network: Network) {
    this.#network = network;
    this.gateway = `${network}.1`;
  }

  static async create(network: Network): Promise<MachineBridge> {
    const made = new MachineBridge(network);
    await run('ip', ['link', 'add', made.name, 'type', 'bridge']);
    try {
      await run('ip', ['address', 'add', `${made.gateway}/${made.prefixLength}`, 'dev', made.name]);
      await run('ip', ['link', 'set', made.name, 'up']);
      return made;
    } catch (error) {
      await made.close();
      throw error;
    }
  }

  /** The spec of a pool of its first addresses for VMs. */
  pool(count: number, dns: readonly string[] = []): object {
    const { gateway, prefixLength: prefix } = this;
    return { ranges: [{ start: this.address(0), end: this.address(count - 1) }], prefix, gateway, dns };
  }

  /** One of a pool's addresses. */
  address(index: number): string {
    return `${this.#network}.${21 + index}`;
  }

  async close(): Promise<void> {
    await run('ip', ['link', 'delete', this.name]);
  }
}
