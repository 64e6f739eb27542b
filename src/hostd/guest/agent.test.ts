import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { AgentClient, AgentCommandError } from './agent.ts';
import { answer, echo, FakeAgent, refuse } from './testing/fake-agent.ts';

const enoughMs = 20_000;
const unavailable = expect.objectContaining({ reason: 'AgentUnavailable' });

const clientOf = (agent: FakeAgent) => new AgentClient(systemClock, agent.connect);

describe('AgentClient', () => {
  it('gives back what the agent returns, over one connection', async () => {
    const agent = new FakeAgent({ onCommand: ({ execute }, stream) => answer(stream, `did ${execute}`) });
    const client = clientOf(agent);
    expect(await client.command('guest-info', { verbose: true }, enoughMs)).toBe('did guest-info');
    expect(await client.command('guest-ping', {}, enoughMs)).toBe('did guest-ping');
    expect(agent.commands[0]).toEqual({ execute: 'guest-info', arguments: { verbose: true } });
    expect(agent.connections).toHaveLength(1);
  });

  it('does not connect again once it was ended: its successor needs the connection', async () => {
    const agent = new FakeAgent({ onCommand: (_, stream) => answer(stream, 'here') });
    const client = clientOf(agent);
    expect(await client.command('guest-ping', {}, enoughMs)).toBe('here');
    client.end();
    await expect(client.command('guest-ping', {}, enoughMs)).rejects.toEqual(unavailable);
    expect(agent.connections).toHaveLength(1);
    expect(agent.connections[0]?.destroyed).toBe(true);
  });

  it('lets go of a connection that opens after it was ended', async () => {
    const agent = new FakeAgent({ onCommand: (_, stream) => answer(stream, 'here') });
    const opening = Promise.withResolvers<void>();
    const client = new AgentClient(systemClock, async () => {
      await opening.promise;
      return agent.connect();
    });
    const asked = client.command('guest-ping', {}, enoughMs);
    client.end();
    opening.resolve();
    await expect(asked).rejects.toEqual(unavailable);
    expect(agent.connections[0]?.destroyed ?? true).toBe(true);
  });

  it('passes on the message with which the agent refuses, and goes on', async () => {
    const agent = new FakeAgent({ onCommand: (_, stream) => refuse(stream, 'no such thing') });
    const client = clientOf(agent);
    const refused = client.command('guest-frobnicate', {}, enoughMs);
    await expect(refused).rejects.toBeInstanceOf(AgentCommandError);
    await expect(refused).rejects.toThrow('the guest agent refuses guest-frobnicate: no such thing');
    await expect(client.command('guest-ping', {}, enoughMs)).rejects.toThrow('no such thing');
    expect(agent.connections).toHaveLength(1);
  });

  it('overlooks garbage, refusals and answers to others before its echo', async () => {
    const agent = new FakeAgent({
      onSync: (id, stream) => {
        stream.write('half an answ');
        stream.write('er\n\n{"return": {"pid": 1}}\n{"error": {"desc": "old"}}\n');
        echo(stream, id + 1);
        stream.write('}}}');
        echo(stream, id);
      },
      onCommand: (_, stream) => answer(stream, 'mine'),
    });
    expect(await clientOf(agent).command('guest-ping', {}, enoughMs)).toBe('mine');
  });

  it('asks again while the guest boots, and takes nothing late for its answer', async () => {
    const heard: number[] = [];
    const agent = new FakeAgent({
      onSync: (id, stream) => {
        heard.push(id);
        if (heard.length === 2) for (const each of heard) echo(stream, each);
      },
      onCommand: (_, stream) => answer(stream, 'at last'),
    });
    expect(await clientOf(agent).command('guest-ping', {}, enoughMs)).toBe('at last');
    expect(new Set(heard).size).toBe(2);
  });

  it('waits for the newest echo once an older one shows that the agent is there', async () => {
    const heard: number[] = [];
    const agent = new FakeAgent({
      onSync: (id, stream) => {
        heard.push(id);
        if (heard.length !== 2) return;
        echo(stream, heard[0] ?? 0);
        setImmediate(() => echo(stream, heard[1] ?? 0));
      },
      onCommand: (_, stream) => answer(stream, 'mine'),
    });
    expect(await clientOf(agent).command('guest-ping', {}, enoughMs)).toBe('mine');
    expect(heard).toHaveLength(2);
  });

  it('fails when the agent never answers, and connects again for the next command', async () => {
    let silent = true;
    const agent = new FakeAgent({
      onSync: (id, stream) => {
        if (!silent) echo(stream, id);
      },
    });
    const client = clientOf(agent);
    await expect(client.command('guest-ping', {}, 30)).rejects.toEqual(unavailable);
    silent = false;
    expect(await client.command('guest-ping', {}, enoughMs)).toEqual({});
    expect(agent.connections[0]?.destroyed).toBe(true);
  });

  it('fails when nothing can even be sent', async () => {
    const stuck = new Duplex({ read: () => undefined, write: () => undefined });
    const client = new AgentClient(systemClock, async () => stuck);
    await expect(client.command('guest-ping', {}, 30)).rejects.toEqual(unavailable);
    expect(stuck.destroyed).toBe(true);
  });

  it('fails when it cannot connect, or not in time', async () => {
    const refused = new AgentClient(systemClock, () => Promise.reject(new Error('connection refused')));
    await expect(refused.command('guest-ping', {}, enoughMs)).rejects.toThrow(/agent.*connection refused/);
    const late = new AgentClient(systemClock, () => new Promise(() => undefined));
    await expect(late.command('guest-ping', {}, 30)).rejects.toEqual(unavailable);
  });

  it('fails when the agent dies in the middle of an answer, and works again with the next', async () => {
    let deaths = 0;
    const agent = new FakeAgent({
      onCommand: (_, stream) => {
        deaths += 1;
        if (deaths > 1) answer(stream, 'alive');
        else stream.write('{"return": "ali', () => stream.destroy());
      },
    });
    const client = clientOf(agent);
    await expect(client.command('guest-ping', {}, enoughMs)).rejects.toEqual(unavailable);
    expect(await client.command('guest-ping', {}, enoughMs)).toBe('alive');
  });

  it('fails on an answer that is none', async () => {
    const agent = new FakeAgent({ onCommand: (_, stream) => stream.write('Segmentation fault\n') });
    await expect(clientOf(agent).command('guest-ping', {}, enoughMs)).rejects.toThrow('Segmentation fault');
  });

  it('keeps the end of any amount of output, and the rest of the answer', async () => {
    const flood = Buffer.from(`${'x'.repeat(12_000_000)} the end`).toString('base64');
    const agent = new FakeAgent({
      onCommand: (_, stream) => answer(stream, { exited: true, 'out-data': flood, exitcode: 5 }),
    });
    const result = await clientOf(agent).command('guest-exec-status', {}, enoughMs);
    expect(result).toMatchObject({ exited: true, exitcode: 5 });
    const kept = (result as Record<string, string>)['out-data'] ?? '';
    expect(kept.length).toBeLessThanOrEqual(64 * 1024);
    expect(Buffer.from(kept, 'base64').toString()).toMatch(/^x+ the end$/);
  });

  it.each([
    ['an answer that is too long', `[${'{},'.repeat(1_000_000)}{}]`, /more than 1048576 bytes/],
    ['garbage that is too long', 'x'.repeat(3_000_000), /more than 1048576 bytes/],
    ['a long string with escapes', `{"return": "${'\\n'.repeat(1_000_000)}`, /cannot be understood/],
  ])('gives up on %s, says so shortly, and works again with the next', async (_, text, says) => {
    let floods = 1;
    const agent = new FakeAgent({
      onCommand: (_command, stream) => {
        floods -= 1;
        if (floods === 0) stream.write(`${text}\n`);
        else answer(stream, 'well');
      },
    });
    const client = clientOf(agent);
    const error = await client.command('guest-exec-status', {}, enoughMs).catch((why: Error) => why);
    expect(error).toEqual(unavailable);
    expect((error as Error).message).toMatch(says);
    expect((error as Error).message.length).toBeLessThan(4096);
    expect(await client.command('guest-ping', {}, enoughMs)).toBe('well');
  });

  it('quotes little of a long refusal', async () => {
    const agent = new FakeAgent({ onCommand: (_, stream) => refuse(stream, 'no '.repeat(20_000)) });
    const refused = await clientOf(agent)
      .command('guest-ping', {}, enoughMs)
      .catch((why: Error) => why);
    expect(refused).toBeInstanceOf(AgentCommandError);
    expect((refused as Error).message.length).toBeLessThan(1200);
  });

  it('gives commands one at a time, and lets none wait longer than it wants', async () => {
    const waiting: (() => void)[] = [];
    const agent = new FakeAgent({ onCommand: (_, stream) => waiting.push(() => answer(stream, 'done')) });
    const client = clientOf(agent);
    const first = client.command('first', {}, enoughMs);
    await expect(client.command('impatient', {}, 30)).rejects.toEqual(unavailable);
    const last = client.command('last', {}, enoughMs);
    waiting.shift()?.();
    expect(await first).toBe('done');
    await expect.poll(() => waiting.length).toBe(1);
    waiting.shift()?.();
    expect(await last).toBe('done');
    expect(agent.commands.map(({ execute }) => execute)).toEqual(['first', 'last']);
  });

  it('tells a command that is answered only by a refusal', async () => {
    const obedient = new FakeAgent({ onCommand: (_, stream) => stream.destroy() });
    await clientOf(obedient).tell('guest-shutdown', { mode: 'powerdown' }, enoughMs);
    expect(obedient.commands).toEqual([{ execute: 'guest-shutdown', arguments: { mode: 'powerdown' } }]);
    const unwilling = new FakeAgent({ onCommand: (_, stream) => refuse(stream, 'not now') });
    await expect(clientOf(unwilling).tell('guest-shutdown', {}, enoughMs)).rejects.toThrow('not now');
  });

  it('connects again after it was closed', async () => {
    const agent = new FakeAgent();
    const client = clientOf(agent);
    await client.command('guest-ping', {}, enoughMs);
    client.close();
    await client.command('guest-ping', {}, enoughMs);
    expect(agent.connections).toHaveLength(2);
  });
});
