import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { prepareProgram } from '../../../src/hostd/guest/streams/program.ts';
import { TestStreams } from '../../../src/hostd/guest/testing/program-streams.ts';
import { fc } from '../../fuzz.ts';
import { eventually } from './fixtures.ts';
import { LocalAgent } from './local-agent.ts';

const mebibyte = 1024 * 1024;
const patience = { timeoutMs: 100_000 };
const hasBusybox = existsSync('/bin/busybox');

/** A zombie, which its parent has not asked about yet, runs no more. */
const isRunning = (pid: number) =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    (line) => !line.includes(') Z '),
    () => false,
  );

const sha256 = (pieces: readonly Buffer[]) => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
};

describe.each(hasBusybox ? (['dash', 'busybox'] as const) : (['dash'] as const))(
  'a program with streams, by %s',
  (kind) => {
    let agent: LocalAgent;
    const never = new AbortController().signal;
    const shell = kind === 'dash' ? ['/bin/sh'] : ['/bin/busybox', 'sh'];
    const tool = (name: string) => (kind === 'dash' ? name : `/bin/busybox ${name}`);

    beforeAll(async () => {
      agent = await LocalAgent.create(kind);
    });

    afterAll(() => agent.close());

    const prepared = (options: { readonly watchMs?: number; readonly terminal?: boolean } = {}) =>
      prepareProgram(agent.session, { terminal: false, ...patience, ...options });
    const script = (text: string, ...values: readonly string[]) => [...shell, '-c', text, 'test', ...values];

    it('keeps its outputs apart, and tells its exit code', async () => {
      const streams = new TestStreams();
      const text = 'echo "$1"; echo trouble >&2; exit 7';
      const code = await (await prepared()).run(script(text, 'a "b" $c'), streams.withoutInput, never);
      expect([code, streams.printed(), streams.complained()]).toEqual([7, 'a "b" $c\n', 'trouble\n']);
      expect(await agent.folders()).toEqual([]);
    });

    it.each([
      ['kill -TERM $$', 143],
      ['kill -KILL $$', 137],
      ['cat', 0],
    ])('tells how %s ended', async (text, expected) => {
      const streams = new TestStreams();
      const words = text === 'cat' ? tool(text).split(' ') : script(text);
      expect(await (await prepared()).run(words, streams.withoutInput, never)).toBe(expected);
    });

    it('says that there is no such program, as a shell does', async () => {
      const streams = new TestStreams();
      expect(await (await prepared()).run(['no-such-program'], streams.withoutInput, never)).toBe(127);
      expect(streams.complained()).toContain('no-such-program');
    });

    it('takes no function of its own for a program', async () => {
      const streams = new TestStreams();
      expect(await (await prepared()).run(['finish', '1', '/'], streams.withoutInput, never)).toBe(127);
    });

    it('passes any bytes through, whatever their pieces', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 20 }),
          fc.boolean(),
          async (sizes, slowly) => {
            const streams = new TestStreams();
            const pieces = sizes.map((size) => randomBytes(size));
            const give = async () => {
              for (const piece of pieces) {
                streams.type(piece);
                if (slowly) await delay(piece.length % 20);
              }
              streams.end();
            };
            const run = (await prepared()).run(tool('cat').split(' '), streams.withInput, never);
            await give();
            expect(await run).toBe(0);
            expect(sha256(streams.stdout)).toBe(sha256(pieces));
          },
        ),
        { numRuns: 4 },
      );
    });

    it('answers each line before the next one comes', async () => {
      const streams = new TestStreams();
      const text = 'while read -r line; do echo "<$line>"; done';
      const run = (await prepared()).run(script(text), streams.withInput, never);
      let expected = '';
      for (const word of ['one', 'two', 'three']) {
        streams.type(`${word}\n`);
        expected += `<${word}>\n`;
        await eventually(async () => streams.printed() === expected);
      }
      streams.end();
      expect(await run).toBe(0);
    });

    it('passes on many small pieces of output, in their order', async () => {
      const streams = new TestStreams();
      const text = 'i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i + 1)); done';
      await (await prepared()).run(script(text), streams.withoutInput, never);
      expect(streams.printed()).toBe(Array.from({ length: 3000 }, (_, i) => `${i}\n`).join(''));
    });

    it('lets a flood wait for its reader, and ends it with its descendants', async () => {
      const streams = new TestStreams();
      const stop = new AbortController();
      const words = script(`echo $$ >&2; ${tool('yes')}; :`);
      const run = (await prepared()).run(words, streams.withoutInput, stop.signal);
      await eventually(async () => streams.stdout.length > 100);
      streams.full = true;
      await delay(1000);
      const [folder = ''] = await agent.folders();
      const files = await readdir(join(agent.root, folder));
      const sizes = await Promise.all(
        files.map(async (name) => (await stat(join(agent.root, folder, name))).size),
      );
      const stored = sizes.reduce((sum, size) => sum + size, 0);
      expect(stored).toBeGreaterThan(2 * mebibyte);
      expect(stored).toBeLessThan(6 * mebibyte);
      const read = streams.stdout.length;
      const before = agent.commands;
      await delay(500);
      expect(streams.stdout.length).toBe(read);
      expect(agent.commands - before).toBeLessThan(20);
      const pid = Number(streams.complained());
      stop.abort(new Error('enough'));
      await expect(run).rejects.toThrow('enough');
      expect(await agent.folders()).toEqual([]);
      await eventually(async () => !(await isRunning(pid)));
    });

    it('goes no further ahead of a program than 9 MiB, and leaves none of it', async () => {
      const streams = new TestStreams();
      const go = join(agent.root, 'go');
      const text = `while [ ! -e "$1" ]; do ${tool('sleep')} 0.1; done; exec ${tool('cat')}`;
      const run = (await prepared()).run(script(text, go), streams.withInput, never);
      const pieces = Array.from({ length: 48 }, () => randomBytes(256 * 1024));
      for (const piece of pieces) streams.type(piece);
      streams.end();
      const whole = streams.waiting;
      await eventually(async () => whole - streams.waiting >= 8 * mebibyte);
      await delay(500);
      expect(whole - streams.waiting).toBeLessThan(9 * mebibyte);
      await writeFile(go, '');
      expect(await run).toBe(0);
      expect(sha256(streams.stdout)).toBe(sha256(pieces));
      expect(await agent.folders()).toEqual([]);
    });

    it('is ended by the guest when its folder is removed, which the daemon cannot bring back', async () => {
      const streams = new TestStreams();
      const words = script(`echo $$; ${tool('sleep')} 4321; :`);
      const run = (await prepared({ watchMs: 1000 })).run(words, streams.withInput, never);
      await eventually(async () => streams.printed() !== '');
      const [folder = ''] = await agent.folders();
      await rm(join(agent.root, folder), { recursive: true });
      await expect(run).rejects.toMatchObject({ reason: 'GuestCommandFailed' });
      await eventually(async () => !(await isRunning(Number(streams.printed()))));
    });

    it('is ended by the guest itself, with its folder, when the daemon is gone', async () => {
      const streams = new TestStreams();
      const own = await LocalAgent.create(kind);
      try {
        const prepare = prepareProgram(own.session, { terminal: false, ...patience, watchMs: 1200 });
        const words = script(`echo $$; while :; do ${tool('sleep')} 1; done`);
        const run = (await prepare).run(words, streams.withInput, never);
        await eventually(async () => streams.printed() !== '');
        await delay(1800);
        const pid = Number(streams.printed());
        expect(await isRunning(pid)).toBe(true);
        const lost = expect(run).rejects.toMatchObject({ reason: 'AgentUnavailable' });
        own.disappear();
        await lost;
        await eventually(async () => !(await isRunning(pid)) && (await own.folders()).length === 0);
      } finally {
        await own.close();
      }
    });
  },
);

describe('a program on a terminal', () => {
  let agent: LocalAgent;

  beforeAll(async () => {
    agent = await LocalAgent.create('dash');
  });

  afterAll(() => agent.close());

  it('has its size, gets another, reads keys, and can be interrupted', async () => {
    const streams = new TestStreams();
    const prepared = await prepareProgram(agent.session, { terminal: true, ...patience });
    const text =
      'trap "echo interrupted; exit 5" INT; trap "stty size" WINCH; [ -t 0 ] && [ -t 1 ] && echo "$1 $TERM"; stty size; ' +
      'while :; do sleep 0.1; done';
    const words = ['/bin/sh', '-c', text, 'test', `it's "quoted"`];
    const run = prepared.run(words, streams.onTerminal, new AbortController().signal);
    await eventually(async () => streams.printed().includes(`it's "quoted" xterm\r\n31 101\r\n`));
    streams.resize({ Width: 66, Height: 22 });
    await eventually(async () => streams.printed().includes('22 66'));
    streams.type('\x03');
    expect(await run).toBe(5);
    expect(streams.printed()).toContain('interrupted');
    expect(streams.complained()).toBe('');
    expect(await agent.folders()).toEqual([]);
  });

  it('ends with its terminal when it is aborted', async () => {
    const streams = new TestStreams();
    const prepared = await prepareProgram(agent.session, { terminal: true, ...patience });
    const stop = new AbortController();
    const run = prepared.run(['/bin/sh', '-c', 'echo $$; exec sleep 4321'], streams.onTerminal, stop.signal);
    const pid = await eventually(async () => Number(streams.printed()) || undefined);
    stop.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    await eventually(async () => !(await isRunning(pid)));
  });

  it('is refused by a guest that has none to give', async () => {
    const bare = await LocalAgent.create('busybox');
    try {
      const preparing = prepareProgram(bare.session, { terminal: true, ...patience });
      await expect(preparing).rejects.toMatchObject({ reason: 'NoTerminal', status: 409 });
    } finally {
      await bare.close();
    }
  });
});

describe('a guest whose disk is full', () => {
  const full = { reason: 'GuestDiskFull', message: expect.stringContaining('No space left on device') };
  const { signal } = new AbortController();
  let agent: LocalAgent;

  beforeEach(async () => {
    agent = await LocalAgent.create('dash');
  });

  afterEach(() => agent.close());

  it('fails a program whose output finds no room', async () => {
    await agent.replace('dd', 'echo "dd: error writing: No space left on device" >&2; exit 1');
    const prepared = await prepareProgram(agent.session, { terminal: false, ...patience });
    const run = prepared.run(['/bin/sh', '-c', 'echo lost'], new TestStreams().withoutInput, signal);
    await expect(run).rejects.toMatchObject(full);
    expect(await agent.folders()).toEqual([]);
  });

  it('fails a program whose input finds no room', async () => {
    const streams = new TestStreams();
    const prepared = await prepareProgram(agent.session, { terminal: false, ...patience });
    agent.full = true;
    streams.type('lost');
    await expect(prepared.run(['cat'], streams.withInput, signal)).rejects.toMatchObject(full);
    expect(await agent.folders()).toEqual([]);
  });
});
