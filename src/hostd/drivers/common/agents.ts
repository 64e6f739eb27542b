import type { Duplex } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { AgentClient } from '../../guest/agent.ts';

type Held = { readonly agent: AgentClient; users: number };

/**
 * One client per guest agent, shared by all users. QEMU has the other end of the channel (under Xen as well) and serves one
 * connection at a time, so a second client would wait for ever. The connection is closed when the last user releases it.
 */
export class Agents {
  readonly #clock: Clock;
  readonly #connect: (key: string) => Promise<Duplex>;
  readonly #held = new Map<string, Held>();

  /** `connect` opens the channel of the VM with this key. */
  constructor(clock: Clock, connect: (key: string) => Promise<Duplex>) {
    this.#clock = clock;
    this.#connect = connect;
  }

  /** The agent of the VM with this key, until `release` is called. */
  acquire(key: string): { readonly agent: AgentClient; readonly release: () => void } {
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

  #create(key: string): AgentClient {
    return new AgentClient(this.#clock, () => this.#connect(key));
  }
}
