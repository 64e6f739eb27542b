import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { Fork } from '../../../src/hostd/drivers/checkpoints.ts';
import { forkProblemOf } from '../../../src/hostd/drivers/qemu/fork/can-fork.ts';
import { withMonitor } from '../../../src/hostd/drivers/qemu/monitor.ts';
import { findVm } from '../../../src/hostd/drivers/qemu/processes.ts';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import { cannotMount, withSmallDisk } from '../../integration/hostd/small-disk.ts';
import { describeUnless, itUnless } from '../../skip.ts';
import { checkpointsOf, filesNamed, questionMs, shellIn } from './checkpoint-bed.ts';
import { noQemu, Scene } from './scene.ts';

const mebibyte = 1024 * 1024;
/** At so many moments, evenly over its work, a daemon is killed. */
const kills = 2;

/** The guest counts in its memory, and writes to its disk what it has counted, with rests in which others are emulated. */
const counter =
  'i=0; while :; do i=$((i+1)); echo $i >/run/count; echo $i >>/root/counts; [ $((i % 50)) = 0 ] && sleep 0.1; done';

/** A file that is being written is empty for a moment. */
const count = 'until n=$(cat /run/count) && [ -n "$n" ]; do :; done; echo $n';

const binary = 'qemu-system-x86_64';
const sandboxed = { accelerator: 'tcg', sandbox: true } as const;
const unsupported = 'Background-snapshot is not supported by host kernel';
/** Why nothing can be forked here. Any other problem is one of the driver, and fails the tests. */
const noForks =
  noQemu ??
  ((await forkProblemOf(binary, sandboxed)) === unsupported
    ? `the kernel, or its container, does not let QEMU watch writes to memory: ${unsupported}`
    : undefined);

/** Why nobody's QEMU cannot be tried; undefined where it can. */
const noOtherUser =
  noForks ??
  (process.getuid?.() === 0 && readFileSync('/proc/sys/vm/unprivileged_userfaultfd', 'utf8').trim() === '0'
    ? undefined
    : 'needs root, and a kernel that lets nobody else watch writes to memory: sysctl vm.unprivileged_userfaultfd=0');

describeUnless(noForks, 'a fork of a running VM under QEMU', () => {
  let scene: Scene;
  let source: VmSpec;
  let pid: number | undefined;
  let last = 0;
  /** A folder in memory: what is restored from there can be forked in turn. */
  let inMemory: string;
  const checkpoints = () => checkpointsOf(scene.driver);

  beforeAll(async () => {
    scene = await Scene.create();
    inMemory = await mkdtemp('/dev/shm/coppice-fork-');
    const { vm, guest } = await scene.running();
    guest.close();
    source = vm;
    await shell(source, `(${counter}) >/dev/null 2>&1 </dev/null &`);
    pid = (await scene.driver.inspect(source.uuid, source.directory))?.pid;
  }, 300_000);
  afterAll(async () => {
    await scene.close();
    await rm(inMemory, { recursive: true, force: true });
  });

  const shell = (vm: VmSpec, line: string) => shellIn(scene.driver, vm, line);
  const countOf = async (vm: VmSpec) => Number(await shell(vm, count));
  const monitor = (vm: VmSpec, command: string) =>
    withMonitor(systemClock, vm.directory, questionMs, (qmp) => qmp.execute(command));

  /** It is the same process, counts on, and nothing of a fork is left with it or at the target. */
  const expectUntouched = async (target: string) => {
    expect((await scene.driver.inspect(source.uuid, source.directory))?.pid).toBe(pid);
    expect(await scene.state(source)).toBe('Running');
    expect(await filesNamed(source.directory, 'fork')).toEqual([]);
    expect(await findVm(source.uuid, `${target}.partial`)).toBeUndefined();
    expect(await filesNamed(join(target, '..'), 'fork')).not.toContain(`${basename(target)}.partial`);
    expect(await monitor(source, 'query-jobs')).toEqual([]);
    const before = await countOf(source);
    expect(before).toBeGreaterThanOrEqual(last);
    await expect.poll(() => countOf(source), { timeout: questionMs }).toBeGreaterThan(before);
    last = before;
  };
  /** VMs that continue from it: each has what its source had then, and nothing newer, and continues on a disk of its own. */
  const continued = async (fork: Fork, target: string, of: VmSpec, before: number, howMany: number) => {
    expect(fork.pauseMs).toBeGreaterThanOrEqual(0);
    expect(new Date(fork.capturedAt).getTime()).toBeLessThanOrEqual(Date.now());
    const later = ['/run', '/root'].map((folder) => `${folder}/after-${basename(target)}`).join(' ');
    await shell(of, `touch ${later}`);
    const vms: VmSpec[] = [];
    for (let each = 0; each < howMany; each += 1) {
      const vm = await scene.vm({ layer: (await checkpoints().files(target))?.disk ?? '' });
      vms.push(vm);
      await checkpoints().restore(vm, target);
      // What it wrote before is on its disk, too, without a gap.
      const look = 'sync; echo 3 >/proc/sys/vm/drop_caches; wc -l </root/counts; tail -n 1 /root/counts';
      const [first, lines, highest] = (await shell(vm, `${count}; ${look}`)).split('\n').map(Number);
      expect(first).toBeGreaterThanOrEqual(before);
      expect(highest).toBeGreaterThanOrEqual(first ?? Number.POSITIVE_INFINITY);
      expect(lines).toBeGreaterThanOrEqual(first ?? Number.POSITIVE_INFINITY);
      expect(await shell(vm, `ls ${later} 2>/dev/null || :`)).toBe('');
      await shell(vm, `echo ${each} >/root/own && sync`);
      await expect.poll(() => countOf(vm), { timeout: questionMs }).toBeGreaterThan(first ?? 0);
    }
    for (const [each, vm] of vms.entries()) expect(await shell(vm, 'cat /root/own')).toBe(String(each));
    expect(await shell(source, 'ls /root/own || :')).toBe('');
    return vms;
  };
  const ended = async (vms: readonly VmSpec[]) => {
    for (const vm of vms) await scene.driver.destroy(vm.uuid, vm.directory);
  };

  it('is what two VMs continue from, while the source runs on', async () => {
    const target = join(scene.root, 'fork');
    const before = await countOf(source);
    const seen: number[] = [];
    const fork = await checkpoints().fork(source, target, { onProgress: (done) => void seen.push(done) });
    await expectUntouched(target);
    expect(await readdir(target)).toEqual(['checkpoint.json', 'disk.qcow2', 'fork.json', 'memory', 'state']);
    expect(seen.length).toBeGreaterThan(0);
    expect(await checkpoints().fork(source, target)).toEqual(fork);
    await ended(await continued(fork, target, source, before, 2));
  });

  it('can be made of a VM that continues from a fork, and again of the source', async () => {
    const first = join(inMemory, 'fork-1');
    const before = await countOf(source);
    const fork = await checkpoints().fork(source, first);
    const { size, blocks } = await stat(join(first, 'memory'));
    expect(size).toBe(source.memoryBytes);
    expect(blocks * 512).toBeLessThan(size);
    const [clone] = await continued(fork, first, source, before, 1);
    if (clone === undefined) throw new Error('there is no clone');
    const second = join(scene.root, 'fork-2');
    const ofClone = await countOf(clone);
    const ofTheClone = await checkpoints().fork(clone, second);
    expect((await scene.driver.inspect(clone.uuid, clone.directory))?.isTwin).toBe(true);
    expect(await shell(clone, 'cat /sys/class/net/eth0/carrier')).toBe('0');
    await ended([clone, ...(await continued(ofTheClone, second, clone, ofClone, 1))]);
    await expectUntouched(first);
  });

  it('of a VM whose memory is a file on a disk is refused, and the VM runs on', async () => {
    const clone = await scene.vm({
      layer: (await checkpoints().files(join(scene.root, 'fork')))?.disk ?? '',
    });
    await checkpoints().restore(clone, join(scene.root, 'fork'));
    await expect(checkpoints().fork(clone, join(scene.root, 'fork-3'))).rejects.toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('in a tmpfs'),
    });
    expect(await scene.state(clone)).toBe('Running');
    await ended([clone]);
  });

  it('leaves a paused source paused', async () => {
    await monitor(source, 'stop');
    const target = join(inMemory, 'fork-4');
    for (const again of [target, join(inMemory, 'fork-5')]) {
      expect((await checkpoints().fork(source, again)).pauseMs).toBe(0);
      expect(await scene.state(source)).toBe('Paused');
    }
    await scene.driver.start(source);
    await expectUntouched(target);
    const vm = await scene.vm({ layer: (await checkpoints().files(target))?.disk ?? '' });
    await checkpoints().restore(vm, target);
    expect(await countOf(vm)).toBeGreaterThan(0);
    await ended([vm]);
    for (const name of await readdir(inMemory)) await rm(join(inMemory, name), { recursive: true });
  });

  itUnless(noOtherUser, 'is unavailable where the kernel does not let QEMU’s user watch writes', async () => {
    expect(await forkProblemOf(binary, sandboxed)).toBeUndefined();
    expect((await scene.driver.probe()).capabilities).toContain('liveFork');
    const nobodys = join(scene.root, 'qemu-of-nobody');
    const script = `#!/bin/sh\nexec setpriv --reuid=65534 --clear-groups ${binary} "$@"\n`;
    await writeFile(nobodys, script, { mode: 0o755 });
    expect(await forkProblemOf(nobodys, sandboxed)).toBe(unsupported);
  });

  it('is not there when it was aborted, or its filler was killed', async () => {
    const target = join(scene.root, 'fork-6');
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('enough'));
    await expect(checkpoints().fork(source, target, { signal: stop.signal, onProgress })).rejects.toThrow(
      'enough',
    );
    await expectUntouched(target);
    let isKilled = false;
    const kill = async () => {
      if (isKilled) return;
      isKilled = true;
      const filler = await findVm(source.uuid, `${target}.partial`);
      if (filler !== undefined) process.kill(filler.pid, 'SIGKILL');
    };
    await expect(checkpoints().fork(source, target, { onProgress: () => void kill() })).rejects.toMatchObject(
      {
        reason: 'CheckpointFailed',
        message: expect.stringContaining('signal SIGKILL'),
      },
    );
    await expectUntouched(target);
  });

  itUnless(cannotMount, 'is not there when its disk is full', async () => {
    await withSmallDisk(scene.root, 20 * mebibyte, async (small) => {
      const target = join(small, 'fork');
      await expect(checkpoints().fork(source, target)).rejects.toMatchObject({
        reason: 'DiskFull',
        message: expect.stringContaining(target),
      });
      await expectUntouched(target);
    });
  });

  it('leaves nothing, or is complete, when the daemon is killed at any moment', async () => {
    const child = (target: string, looks: number) => {
      const argv = [join(import.meta.dirname, 'fork-child.ts'), scene.root, JSON.stringify(source), target];
      return promisify(execFile)(process.execPath, [...argv, String(looks)]);
    };
    const whole = join(inMemory, 'fork-7');
    const looks = Number((await child(whole, 0)).stdout);
    await rm(whole, { recursive: true });
    for (let kill = 1; kill <= kills; kill += 1) {
      const target = join(inMemory, `fork-7-${kill}`);
      const at = Math.ceil((kill * looks) / (kills + 1));
      const isKilled = await child(target, at).then(
        () => false,
        (error: { readonly signal?: string }) => error.signal === 'SIGKILL',
      );
      // How often the last ones look depends on how fast the host is.
      if (kill <= kills / 2) expect(isKilled, `look ${at} of ${looks}`).toBe(true);
      await (kill % 2 === 0 ? scene.driver.start(source) : checkpoints().tidy(source));
      await expectUntouched(target);
      await checkpoints().fork(source, target);
      expect(await checkpoints().files(target)).toBeDefined();
      await rm(target, { recursive: true });
    }
  });
});
