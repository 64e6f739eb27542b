import { resolve } from 'node:path';
import type { Clock } from '../../clock.ts';
import { AgentClient } from '../../guest/agent.ts';
import { vmFiles } from './files.ts';
import { connectIn } from './socket.ts';

const connectLimitMs = 5_000;

type Held = { readonly agent: AgentClient; users: number };

/**
 * One client for each guest's agent, shared by all who speak to the guest: QEMU serves one connection at a time, so
 * a second client would wait for ever. The connection ends when the last user lets go.
 */
export class Agents {
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The agent of the VM in `directory`, until `release` is called. */
  acquire(directory: string): { readonly agent: AgentClient; readonly release: () => void } {
    const key = resolve(directory);
    const held = this.#held.get(key) ?? { agent: this.#create(key), users: 0 };
    this.#held.set(key, held);
    held.users += 1;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      held.users -= 1;
      if (held.users > 0) return;
      held.agent.end();
      if (this.#held.get(key) === held) this.#held.delete(key);
    };
    return { agent: held.agent, release };
  }

  #create(directory: string): AgentClient {
    return new AgentClient(this.#clock, () =>
      connectIn(this.#clock, directory, vmFiles.agent, connectLimitMs),
    );
  }
}
