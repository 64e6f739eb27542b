import { mkdir, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../../../base/clock.ts';
import { connectIn } from '../../common/socket.ts';

const connectLimitMs = 5_000;

const agentName = (uuid: string) => `${uuid}.agent`;
const unusedName = (uuid: string) => `${uuid}.none`;

/**
 * The sockets of all VMs' channels, in one folder with a short path. libxl passes their paths to QEMU, and can pass neither a comma
 * nor a path longer than the address of a UNIX socket. A state directory may have both.
 */
export class ChannelSockets {
  readonly #clock: Clock;
  readonly #directory: string;

  constructor(clock: Clock, directory: string) {
    this.#clock = clock;
    this.#directory = directory;
  }

  paths(uuid: string): { readonly agent: string; readonly unused: string } {
    return { agent: join(this.#directory, agentName(uuid)), unused: join(this.#directory, unusedName(uuid)) };
  }

  /** Creates the folder, and removes the sockets of an earlier domain. */
  async prepare(uuid: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.remove(uuid);
  }

  async remove(uuid: string): Promise<void> {
    await Promise.all(Object.values(this.paths(uuid)).map((path) => rm(path, { force: true })));
  }

  connect(uuid: string): Promise<Socket> {
    return connectIn(this.#clock, this.#directory, agentName(uuid), connectLimitMs);
  }
}
