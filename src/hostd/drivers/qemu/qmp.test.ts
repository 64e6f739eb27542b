import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { linesOf } from '../../guest/lines.ts';
import { QmpCommandError, withQmp } from './qmp.ts';

type Command = { readonly execute: string; readonly arguments: unknown; readonly id: number };

const greeting = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 } }, capabilities: [] } };
const enoughMs = 20_000;

/** A fake QEMU at a monitor: greets, negotiates capabilities, and passes other commands to `onCommand`. */
function qemu(onCommand: (command: Command, send: (message: unknown) => void, stream: Duplex) => void) {
  const [client, monitor] = duplexPair();
  const commands: Command[] = [];
  const send = (message: unknown) => monitor.write(`${JSON.stringify(message)}\r\n`);
  const serve = async () => {
    send(greeting);
    for await (const line of linesOf(monitor, 1e6)) {
      const command = JSON.parse(line.toString()) as Command;
      commands.push(command);
      if (command.execute === 'qmp_capabilities') send({ return: {}, id: command.id });
      else onCommand(command, send, monitor);
    }
  };
  // Ends with the connection, in whatever way that ends.
  serve().catch(() => monitor.destroy());
  return { client, commands, connect: async () => client };
}

describe('withQmp', () => {
  it('returns the results of commands, and skips events and other answers', async () => {
    const { connect, client, commands } = qemu(({ id }, send) => {
      send({ event: 'STOP', timestamp: { seconds: 1, microseconds: 0 } });
      send({ return: 'not yours', id: 'other' });
      send({ return: { status: 'running' }, id });
    });
    const status = await withQmp(systemClock, connect, enoughMs, async (qmp) => {
      await qmp.execute('query-name');
      return qmp.execute('query-status', { verbose: true });
    });
    expect(status).toEqual({ status: 'running' });
    expect(commands.map(({ execute }) => execute)).toEqual([
      'qmp_capabilities',
      'query-name',
      'query-status',
    ]);
    expect(commands[2]?.arguments).toEqual({ verbose: true });
    expect(client.destroyed).toBe(true);
  });

  it('rejects with QEMU’s message when it refuses a command', async () => {
    const { connect, client } = qemu(({ id }, send) =>
      send({ error: { class: 'GenericError', desc: 'no disk' }, id }),
    );
    const refused = withQmp(systemClock, connect, enoughMs, (qmp) => qmp.execute('cont'));
    await expect(refused).rejects.toBeInstanceOf(QmpCommandError);
    await expect(refused).rejects.toThrow('QEMU refuses cont: no disk');
    expect(client.destroyed).toBe(true);
  });

  it('rejects when QEMU closes the connection, stays silent, or sends something other than JSON', async () => {
    const closing = qemu((_command, _send, stream) => stream.destroy());
    const ask = (from: ReturnType<typeof qemu>, timeoutMs: number) =>
      withQmp(systemClock, from.connect, timeoutMs, (qmp) => qmp.execute('query-status'));
    await expect(ask(closing, enoughMs)).rejects.toThrow(/clos/);
    await expect(
      ask(
        qemu(() => undefined),
        50,
      ),
    ).rejects.toThrow('did not answer within 50 ms');
    const babbling = qemu((_command, _send, stream) => stream.write('Segmentation fault\n'));
    await expect(ask(babbling, enoughMs)).rejects.toThrow('JSON');
  });
});
