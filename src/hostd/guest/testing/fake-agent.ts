import { type Duplex, duplexPair } from 'node:stream';
import { codeOf } from '../../errors/index.ts';
import { linesOf } from '../lines.ts';

export type Command = { readonly execute: string; readonly arguments?: Readonly<Record<string, unknown>> };

export type Behaviour = {
  /** What it does with a command; without, it answers an empty object. */
  readonly onCommand?: ((command: Command, stream: Duplex) => void) | undefined;
  /** What it does when asked for an echo; without, it gives it. */
  readonly onSync?: (id: number, stream: Duplex) => void;
};

/**
 * A guest agent for tests, which misbehaves as they ask. Like the real one, it reports the byte 0xFF as an error
 * before each echo. Each call of `connect` is a new connection to the same agent.
 */
export class FakeAgent {
  readonly commands: Command[] = [];
  readonly connections: Duplex[] = [];
  readonly #behaviour: Behaviour;

  constructor(behaviour: Behaviour = {}) {
    this.#behaviour = behaviour;
  }

  readonly connect = async (): Promise<Duplex> => {
    const [client, agent] = duplexPair();
    this.connections.push(client);
    this.#serve(agent).catch((error: unknown) => {
      // The client disconnected in the middle of something, as clients do.
      if (codeOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    });
    return client;
  };

  async #serve(stream: Duplex): Promise<void> {
    for await (const line of linesOf(stream, 1_000_000)) {
      const marked = line[0] === 0xff;
      const command = JSON.parse(line.subarray(marked ? 1 : 0).toString()) as Command;
      if (command.execute === 'guest-sync-delimited')
        this.#synchronise(Number(command.arguments?.id), stream);
      else this.#obey(command, stream);
    }
  }

  #synchronise(id: number, stream: Duplex): void {
    if (this.#behaviour.onSync === undefined) echo(stream, id);
    else this.#behaviour.onSync(id, stream);
  }

  #obey(command: Command, stream: Duplex): void {
    this.commands.push(command);
    if (this.#behaviour.onCommand === undefined) answer(stream, {});
    else this.#behaviour.onCommand(command, stream);
  }
}

export function answer(stream: Duplex, value: unknown): void {
  stream.write(`${JSON.stringify({ return: value })}\n`);
}

export function refuse(stream: Duplex, desc: string): void {
  stream.write(`${JSON.stringify({ error: { class: 'GenericError', desc } })}\n`);
}

export function echo(stream: Duplex, id: number): void {
  refuse(stream, 'JSON parse error, stray byte');
  stream.write(Buffer.concat([Buffer.of(0xff), Buffer.from(`${JSON.stringify({ return: id })}\n`)]));
}
