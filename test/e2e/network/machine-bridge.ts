import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Documentation addresses (RFC 5737), which no network that this machine is on can have. */
const PREFIX_LENGTH = 24;
const GATEWAY = '198.51.100.1';

/** A bridge in the machine's own network, on which nothing but VMs is; the machine reaches them at its gateway. */
export class MachineBridge {
  readonly name = `e2e${process.pid}`;
  readonly gateway = GATEWAY;
  readonly prefixLength = PREFIX_LENGTH;
  /** One that is free for a VM. */
  readonly address = '198.51.100.21';

  static async create(): Promise<MachineBridge> {
    const made = new MachineBridge();
    await run('ip', ['link', 'add', made.name, 'type', 'bridge']);
    try {
      await run('ip', ['address', 'add', `${GATEWAY}/${PREFIX_LENGTH}`, 'dev', made.name]);
      await run('ip', ['link', 'set', made.name, 'up']);
      return made;
    } catch (error) {
      await made.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await run('ip', ['link', 'delete', this.name]);
  }
}
