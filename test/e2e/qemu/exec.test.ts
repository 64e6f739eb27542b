import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import type { Guest, ProgramStreams } from '../../../src/hostd/guest/guest.ts';
import { TestStreams } from '../../../src/hostd/guest/testing/program-streams.ts';
import { fc } from '../../fuzz.ts';
import { describeUnless } from '../../skip.ts';
import { noQemu, Scene, until } from './scene.ts';

const never = new AbortController().signal;
const mebibyte = 1024 * 1024;
const patience = { timeoutMs: 120_000 };

const sha256 = (pieces: readonly Buffer[]) =>
  createHash('sha256').update(Buffer.concat(pieces)).digest('hex');

describeUnless(noQemu, 'a program with streams, in a VM under QEMU', () => {
  let scene: Scene;
  let vm: VmSpec;
  let guest: Guest;

  beforeAll(async () => {
    scene = await Scene.create();
    ({ vm, guest } = await scene.running({ diskBytes: 64 * mebibyte }));
  });

  afterAll(() => scene.close());

  const output = async (...argv: readonly string[]) => (await guest.exec(argv, patience)).stdout.trim();
  const processes = () => output('/bin/busybox', 'ps', '-o', 'args');
  const folders = () => output('/bin/sh', '-c', 'ls -d /run/coppice/exec-* /tmp/exec-* 2>/dev/null');
  const run = async (argv: readonly string[], streams: ProgramStreams, signal = never) =>
    (await guest.prepare({ terminal: false, ...patience })).run(argv, streams, signal);

  it('has its outputs apart, and its exit code', async () => {
    const streams = new TestStreams();
    const code = await run(['/bin/sh', '-c', 'echo out; echo err >&2; exit 9'], streams.withoutInput);
    expect([code, streams.printed(), streams.complained()]).toEqual([9, 'out\n', 'err\n']);
    expect(await folders()).toBe('');
  });

  it('gets any bytes, and gives them back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 8 }),
        async (sizes) => {
          const streams = new TestStreams();
          const pieces = sizes.map((size) => randomBytes(size));
          for (const piece of pieces) streams.type(piece);
          streams.end();
          expect(await run(['cat'], streams.withInput)).toBe(0);
          expect(sha256(streams.stdout)).toBe(sha256(pieces));
        },
      ),
      { numRuns: 3 },
    );
    expect(await folders()).toBe('');
  });

  it('waits when its reader stops, and fills no disk; its end leaves nothing', async () => {
    const streams = new TestStreams();
    const stop = new AbortController();
    const flood = run(['/bin/sh', '-c', 'yes flood; :'], streams.withoutInput, stop.signal);
    await until('the flood', async () => streams.stdout.length > 10);
    streams.full = true;
    const used = async () =>
      Number((await output('/bin/sh', '-c', 'du -sk /run/coppice/exec-*')).split(/\s/)[0]);
    let before = -1;
    await until('its rest', async () => {
      const now = await used();
      const rests = now === before;
      before = now;
      await delay(1000);
      return rests;
    });
    expect(before).toBeGreaterThan(1024);
    expect(before).toBeLessThan(6 * 1024);
    const read = streams.stdout.length;
    await delay(1000);
    expect(streams.stdout.length).toBe(read);
    expect(await processes()).toContain('yes flood');
    stop.abort(new Error('the caller is gone'));
    await expect(flood).rejects.toThrow('the caller is gone');
    expect(await processes()).not.toContain('yes flood');
    expect(await folders()).toBe('');
  });

  it('is ended by the guest, with its folder, when no daemon gives a sign of life', async () => {
    const streams = new TestStreams();
    const prepared = await guest.prepare({ terminal: false, ...patience, watchMs: 6_000 });
    const lost = prepared.run(['/bin/sh', '-c', 'sleep 4321; :'], streams.withInput, never);
    await until('the program', async () => (await processes()).includes('sleep 4321'));
    await delay(8_000);
    expect(await processes()).toContain('sleep 4321');
    const ended = expect(lost).rejects.toMatchObject({ reason: 'AgentUnavailable' });
    // The connection ends with its last user, as it does when a daemon is killed: nothing is removed.
    guest.close();
    await ended;
    guest = scene.driver.guest(vm.uuid, vm.directory);
    expect(await processes()).toContain('sleep 4321');
    await until(
      'the end',
      async () => !(await processes()).includes('sleep 4321') && (await folders()) === '',
    );
  });

  it('runs beside three others, and beside what the daemon asks of the guest', async () => {
    const asked = Promise.withResolvers<void>();
    const all = Array.from({ length: 4 }, async (_, number) => {
      const streams = new TestStreams();
      const content = randomBytes(60_000 + number);
      streams.type(content);
      // All four run until the guest's agent has answered others often enough.
      void asked.promise.then(() => streams.end());
      expect(await run(['cat'], streams.withInput)).toBe(0);
      expect(sha256(streams.stdout)).toBe(sha256([content]));
    });
    for (let time = 0; time < 15; time += 1) {
      await guest.ping(30_000);
      await delay(50);
    }
    asked.resolve();
    await Promise.all(all);
    expect(await folders()).toBe('');
  });

  it('has no terminal in a guest without `script`', async () => {
    await expect(guest.prepare({ terminal: true, ...patience })).rejects.toMatchObject({
      reason: 'NoTerminal',
      message: expect.stringContaining('coppice console'),
    });
  });
});
