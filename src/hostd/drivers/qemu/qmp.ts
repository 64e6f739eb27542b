import type { Duplex } from 'node:stream';
import type { Clock } from '../../../base/clock.ts';
import { orLate } from '../../../base/deadline.ts';
import { isRecord } from '../../../base/json.ts';
import { linesOf } from '../../guest/lines.ts';

const longestAnswerBytes = 4 * 1024 * 1024;

/** QEMU refused a command; the message is QEMU's own. */
export class QmpCommandError extends Error {
  constructor(command: string, description: string) {
    super(`QEMU refuses ${command}: ${description}`);
    this.name = 'QmpCommandError';
  }
}

export type Qmp = {
  /** Resolves with the command's `return`; events that arrive in between are ignored. */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
};

/**
 * One QMP session: connect, negotiate capabilities, run `use`, disconnect. Sessions are short because QEMU serves one client at a
 * time. Rejects when the whole session takes longer than `timeoutMs`, or the connection breaks.
 * https://www.qemu.org/docs/master/interop/qmp-spec.html
 */
export async function withQmp<T>(
  clock: Clock,
  connect: () => Promise<Duplex>,
  timeoutMs: number,
  use: (qmp: Qmp) => Promise<T>,
): Promise<T> {
  const until = clock.monotonic() + timeoutMs;
  const stream = await connect();
  // The reader gets the error; without a listener here the error would also end the process.
  stream.on('error', () => stream.destroy());
  const conversation = converse(stream, use);
  try {
    const result = await orLate(clock, conversation, Math.max(0, until - clock.monotonic()));
    if (result === 'late') throw new Error(`QEMU's monitor did not answer within ${timeoutMs} ms`);
    return result;
  } finally {
    stream.destroy();
    // After a time-out, the line above makes the session fail as well; the time-out is the error that counts.
    await conversation.catch(() => undefined);
  }
}

async function converse<T>(stream: Duplex, use: (qmp: Qmp) => Promise<T>): Promise<T> {
  const messages = linesOf(stream, longestAnswerBytes);
  await next(messages, (message) => 'QMP' in message);
  let lastId = 0;
  const execute: Qmp['execute'] = async (command, args) => {
    lastId += 1;
    const id = lastId;
    stream.write(`${JSON.stringify({ execute: command, arguments: args ?? {}, id })}\n`);
    const answer = await next(messages, (message) => message.id === id);
    if ('error' in answer) throw new QmpCommandError(command, descriptionOf(answer.error));
    return answer.return;
  };
  await execute('qmp_capabilities');
  return use({ execute });
}

async function next(
  messages: AsyncGenerator<Buffer, void, undefined>,
  wanted: (message: Readonly<Record<string, unknown>>) => boolean,
): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const line = await messages.next();
    if (line.done === true) throw new Error("QEMU closed its monitor's connection");
    const message: unknown = JSON.parse(line.value.toString());
    if (isRecord(message) && wanted(message)) return message;
  }
}

function descriptionOf(error: unknown): string {
  return isRecord(error) && typeof error.desc === 'string' ? error.desc : JSON.stringify(error);
}
