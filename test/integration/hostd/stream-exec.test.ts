import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { systemClock } from '../../../src/base/clock.ts';
import { openStream } from '../../../src/host/stream-client.ts';
import { type ExecRequest, execQuery, exitStatus, STREAM_PROTOCOL } from '../../../src/host/streams.ts';
import { repeatInput } from '../../../src/hostd/drivers/simulated/program.ts';
import { hostErrors } from '../../../src/hostd/errors/index.ts';
import type { PreparedProgram } from '../../../src/hostd/guest/guest.ts';
import { fastClock } from '../../builders/fast-clock.ts';
import { type StreamServer, streamServer } from './stream-server.ts';

let server: StreamServer;

afterEach(() => server.close());

/** Opens a stream to a program that behaves as given. */
async function exec(run: PreparedProgram['run'], request: Partial<ExecRequest> = {}) {
  server = await streamServer({ prepare: async () => ({ run }) });
  return openStream({ url: server.url(`exec?${execQuery({ command: ['x'], ...request })}`) });
}

/** Runs until its signal fires. */
const endless: PreparedProgram['run'] = (_argv, _streams, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

const cat: PreparedProgram['run'] = (_argv, streams, signal) => repeatInput(streams, systemClock, signal);

describe('exec over a WebSocket', () => {
  it('passes on words, outputs and the exit code', async () => {
    let words: readonly string[] = [];
    const stream = await exec(
      async (argv, { output, input }) => {
        words = argv;
        output.write('stdout', Buffer.from('out'));
        output.write('stderr', Buffer.from('err'));
        return input === undefined ? 3 : 4;
      },
      { command: ['sh', '-c', 'a & b', ''] },
    );
    expect(await stream.ended).toEqual(exitStatus(3));
    expect([await text(stream.stdout), await text(stream.stderr)]).toEqual(['out', 'err']);
    expect(words).toEqual(['sh', '-c', 'a & b', '']);
    expect(server.closedGuests).toHaveLength(1);
  });

  it('passes input through, however slow the reader is', async () => {
    const stream = await exec(cat, { stdin: true });
    const content = Buffer.alloc(48 * 1024 * 1024, 'abc');
    stream.stdin.end(content);
    await delay(300);
    expect(stream.stdin.writableFinished).toBe(false);
    expect((await buffer(stream.stdout)).equals(content)).toBe(true);
    expect(await stream.ended).toEqual(exitStatus(0));
  });

  it('gives a terminal the size that comes first, and tells of others', async () => {
    const sizes: unknown[] = [];
    const stream = await exec(
      async (_argv, { terminal, changed }, signal) => {
        sizes.push(terminal?.size);
        for (;;) {
          await changed.pause(10_000, systemClock, signal);
          const size = terminal?.takeChange();
          if (size !== undefined) return sizes.push(size) - 2;
        }
      },
      { tty: true },
    );
    stream.resize({ Width: 132, Height: 43 });
    await vi.waitFor(() => expect(sizes).toHaveLength(1));
    stream.resize({ Width: -1, Height: 43 });
    stream.resize({ Width: 20, Height: 10 });
    expect(await stream.ended).toEqual(exitStatus(0));
    expect(sizes).toEqual([
      { Width: 132, Height: 43 },
      { Width: 20, Height: 10 },
    ]);
  });

  it('ends the program when the caller is gone', async () => {
    let reason: unknown;
    const stream = await exec((...given) =>
      endless(...given).catch((error: unknown) => {
        reason = error;
        throw error;
      }),
    );
    stream.close();
    await vi.waitFor(() => expect(reason).toMatchObject({ reason: 'CallerGone' }));
    await vi.waitFor(() => expect(server.closedGuests).toHaveLength(1));
  });

  it('ends it when its time is up', async () => {
    const stream = await exec(endless, { timeoutSeconds: 1 });
    expect(await stream.ended).toMatchObject({ status: 'Failure', reason: 'Timeout', code: 504 });
  });

  it('ends it when the daemon stops, and waits for that', async () => {
    let ended = false;
    const stream = await exec((...given) =>
      endless(...given).finally(async () => {
        await delay(100);
        ended = true;
      }),
    );
    const stopped = server.stop();
    expect(await stream.ended).toMatchObject({ reason: 'Stopping', code: 503 });
    await stopped;
    expect(ended).toBe(true);
  });

  it('tells what went wrong in the guest', async () => {
    const stream = await exec(() => Promise.reject(hostErrors.agentUnavailable('it is gone')));
    expect(await stream.ended).toMatchObject({
      reason: 'AgentUnavailable',
      message: expect.stringContaining('it is gone'),
    });
  });

  it('runs eight programs at once for an appliance, and refuses the ninth', async () => {
    server = await streamServer({ prepare: async () => ({ run: cat }) });
    const open = () => openStream({ url: server.url('exec?command=cat&stdin=true') });
    const streams = await Promise.all(Array.from({ length: 8 }, open));
    await expect(open()).rejects.toMatchObject({ status: 429, body: expect.stringContaining('8 programs') });
    streams[0]?.stdin.end();
    await streams[0]?.ended;
    await vi.waitFor(open);
  });

  it('gives a place back when a program cannot be prepared', async () => {
    server = await streamServer({ prepare: () => Promise.reject(hostErrors.noTerminal()) });
    for (let count = 0; count < 10; count += 1) {
      await expect(openStream({ url: server.url('exec?command=x&tty=true') })).rejects.toMatchObject({
        status: 409,
        body: expect.stringMatching(/NoTerminal.*coppice console/),
      });
    }
    expect(server.closedGuests).toHaveLength(10);
  });

  it.each([
    ['', 'command'],
    ['command=', 'command names no program'],
    ['command=x&stdin=yes', '/stdin'],
    ['command=x&tty=true&tty=true', '/tty'],
    ['command=x&colour=green', '/colour is not known'],
    ['command=x&timeoutSeconds=86401', 'at most 86400'],
    ['command=x&timeoutSeconds=-1', '/timeoutSeconds'],
    ['command=x&command=%00', 'NUL'],
    ['command=x&'.repeat(257), '/command'],
    [`command=${'x'.repeat(8_000)}&`.repeat(9), '65536'],
  ])('refuses %.40s', async (query, problem) => {
    server = await streamServer({ prepare: () => Promise.reject(new Error('nothing is run')) });
    await expect(openStream({ url: server.url(`exec?${query}`) })).rejects.toMatchObject({
      status: 400,
      body: expect.stringContaining(problem),
    });
  });
});

describe('a caller that falls silent', () => {
  const silent = async () => {
    server = await streamServer({ prepare: async () => ({ run: endless }), clock: fastClock(500) });
    return new WebSocket(server.url('exec?command=x'), STREAM_PROTOCOL, { autoPong: false });
  };

  it('is ended after two pings', async () => {
    const webSocket = await silent();
    let pings = 0;
    webSocket.on('ping', () => (pings += 1));
    await new Promise((resolve) => webSocket.once('close', resolve));
    expect(pings).toBe(2);
  });

  it('is kept while it says unasked that it is there', async () => {
    const webSocket = await silent();
    await new Promise((resolve) => webSocket.once('open', resolve));
    const beat = setInterval(() => webSocket.pong(), 10);
    await delay(500);
    expect(webSocket.readyState).toBe(webSocket.OPEN);
    clearInterval(beat);
    await new Promise((resolve) => webSocket.once('close', resolve));
  });
});
