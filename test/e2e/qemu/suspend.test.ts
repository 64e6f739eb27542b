import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Suspensions } from '../../../src/hostd/drivers/suspensions.ts';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import { bundled } from '../../programs.ts';
import { describeUnless } from '../../skip.ts';
import { isQemu, processesNaming } from '../processes.ts';
import { filesNamed, shellIn } from './checkpoint-bed.ts';
import { createDriver, noQemu, Scene } from './scene.ts';

const run = promisify(execFile);
const CHILD = await bundled(new URL('./suspend-child.ts', import.meta.url));
/** At how many moments the daemon is killed, of those of a suspension and of a start. */
const KILLS = Number(process.env.COPPICE_TEST_KILLS === 'all' ? 40 : 6);
/** Counts on as long as this process lives, and tells which one it is. */
const COUNT = `(while :; do n=$((n+1)); echo $n >/run/count; sleep 0.1; done) </dev/null >/dev/null 2>&1 & echo $! >/run/counter`;
const WHO = 'cat /proc/sys/kernel/random/boot_id /run/counter; kill -0 $(cat /run/counter) && echo lives';

/** One story: each test finds the VM that the one before it left. */
describeUnless(noQemu, 'a suspended VM', () => {
  let scene: Scene;
  let vm: VmSpec;
  let who: string;

  beforeAll(async () => {
    scene = await Scene.create();
    ({ vm } = await scene.running());
    await shellIn(scene.driver, vm, COUNT);
    who = await shellIn(scene.driver, vm, WHO);
  });
  afterAll(() => scene?.close());

  const suspensions = () => scene.driver.suspensions as Suspensions;
  const qemus = async () => (await processesNaming(vm.uuid)).filter(isQemu);
  const count = async () => Number(await shellIn(scene.driver, vm, 'cat /run/count'));
  const saved = () => filesNamed(vm.directory, 'suspended');
  /** The same process of the same boot counts on, from where it was. */
  const expectGoesOn = async (from: number) => {
    expect(await scene.state(vm)).toBe('Running');
    expect(await shellIn(scene.driver, vm, WHO)).toBe(who);
    await expect.poll(count).toBeGreaterThan(from);
    expect(await saved()).toEqual([]);
  };

  it('is off, with its memory in its folder, and continues from there, by another daemon', async () => {
    await shellIn(scene.driver, vm, 'echo not yet on the disk >/root/written');
    const before = await count();
    await suspensions().suspend(vm);
    expect(await qemus()).toEqual([]);
    expect(await scene.state(vm)).toBe('Suspended');
    expect(await saved()).toEqual(['suspended.json', 'suspended.memory']);
    await suspensions().suspend(vm);

    const other = createDriver(scene.root);
    expect((await other.inspect(vm.uuid, vm.directory))?.state).toBe('Suspended');
    await other.start(vm);
    await expectGoesOn(before);
    expect(await shellIn(scene.driver, vm, 'cat /root/written')).toBe('not yet on the disk');
  });

  it('does not go on as a machine of another size, and says what to do', async () => {
    const before = await count();
    await suspensions().suspend(vm);
    const larger = { ...vm, memoryBytes: 2 * vm.memoryBytes };
    await expect(scene.driver.start(larger)).rejects.toMatchObject({
      reason: 'ResumeFailed',
      kind: 'stalled',
      message: expect.stringMatching(
        /memory 134217728, here 268435456.*powerState to Stopped, then to Running/,
      ),
    });
    expect(await scene.state(vm)).toBe('Suspended');
    await scene.driver.start(vm);
    await expectGoesOn(before);
  });

  it('stays suspended when its memory is damaged, and boots once it is given up', async () => {
    await suspensions().suspend(vm);
    const path = join(vm.directory, 'suspended.memory');
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, whole.length / 2));
    await expect(scene.driver.start(vm)).rejects.toMatchObject({ reason: 'ResumeFailed' });
    expect(await qemus()).toEqual([]);
    expect(await scene.state(vm)).toBe('Suspended');
    await writeFile(path, whole);
    await scene.driver.start(vm);
    await expectGoesOn(0);
  });

  it('runs on when its suspension is aborted', async () => {
    const before = await count();
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('enough'));
    await expect(suspensions().suspend(vm, { signal: stop.signal, onProgress })).rejects.toThrow('enough');
    await expectGoesOn(before);
  });

  it.each(['suspend', 'start'] as const)(
    'loses nothing when the daemon is killed at any moment of its %s',
    {
      timeout: 1_200_000,
    },
    async (task) => {
      const child = (limit: number) =>
        run(process.execPath, [CHILD, scene.root, task, JSON.stringify(vm), `${limit}`]);
      const prepare = () => (task === 'start' ? suspensions().suspend(vm) : scene.driver.start(vm));
      await prepare();
      const looks = Number((await child(0)).stdout);
      for (let kill = 1; kill <= KILLS; kill += 1) {
        await prepare();
        const at = Math.ceil((kill * looks) / (KILLS + 1));
        const isKilled = await child(at).then(
          () => false,
          (error: { readonly signal?: string }) => error.signal === 'SIGKILL',
        );
        // How often the last ones look depends on how fast the host is.
        if (kill <= KILLS / 2) expect(isKilled, `look ${at} of ${looks}`).toBe(true);
        if (kill % 2 === 0) await suspensions().suspend(vm);
        await scene.driver.start(vm);
        await expectGoesOn(0);
      }
    },
  );

  it('boots when its memory was given up, and after a crash', async () => {
    await suspensions().suspend(vm);
    await suspensions().discard(vm);
    expect(await scene.state(vm)).toBe('Stopped');
    await scene.driver.start(vm);
    await scene.driver.guest(vm.uuid, vm.directory).ping(300_000);
    const boot = (text: string) => text.split('\n')[0];
    const now = await shellIn(scene.driver, vm, 'cat /proc/sys/kernel/random/boot_id');
    expect(now).not.toBe(boot(who));
    const [qemu] = await qemus();
    process.kill(qemu?.pid ?? 0, 'SIGKILL');
    await expect.poll(() => scene.state(vm)).toBe('Crashed');
  });
});
