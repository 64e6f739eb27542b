import { execFile, spawn } from 'node:child_process';
import { cp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { VmSpec } from '../../../src/hostd/drivers/driver.ts';
import { withMonitor } from '../../../src/hostd/drivers/qemu/monitor.ts';
import { cannotMount, withSmallDisk } from '../../integration/hostd/small-disk.ts';
import { describeUnless, itUnless } from '../../skip.ts';
import {
  behavesAsAnyOther,
  Calls,
  changeRecord,
  checkpointsOf,
  filesNamed,
  flipByte,
  killed,
  memoryOf,
  otherQemu,
  questionMs,
  said,
} from './checkpoint-bed.ts';
import { createDriver, noQemu, Scene, until } from './scene.ts';

const mebibyte = 1024 * 1024;

/** The tests of a file run one after the other: those before the save are about saves that fail, those after it about what was saved. */
describeUnless(noQemu, 'a checkpoint of a VM under QEMU', () => {
  let scene: Scene;
  let saved: VmSpec;
  let checkpoint: string;
  /** Of a program that the guest runs since before it was saved. */
  let calls: Calls;
  const checkpoints = () => checkpointsOf(scene.driver);

  beforeAll(async () => {
    scene = await Scene.create();
    checkpoint = join(scene.root, 'checkpoint');
    const { vm, guest } = await scene.running({ capturable: true });
    guest.close();
    saved = vm;
    calls = await Calls.listen();
    const call = `nc -w 1 10.0.2.2 ${calls.port} </dev/null; sleep 0.5`;
    const caller = `(while :; do ${call}; done) >/dev/null 2>&1 &`;
    await shell(saved, `echo of the disk >/root/before && sync && echo of memory >/run/before; ${caller}`);
    await until('a call of the guest', async () => calls.count > 0, questionMs);
  }, 300_000);
  afterAll(async () => {
    await scene.close();
    calls.close();
  });

  const shell = async (vm: VmSpec, line: string) => {
    const guest = scene.driver.guest(vm.uuid, vm.directory);
    try {
      const { stdout } = await guest.exec(['/bin/sh', '-c', line], { timeoutMs: questionMs });
      return stdout.trim();
    } finally {
      guest.close();
    }
  };
  const disksOf = async () => {
    const disks = await checkpoints().disks(checkpoint);
    if (disks === undefined) throw new Error('there is no checkpoint');
    return disks;
  };
  const onCheckpoint = async (change: Parameters<Scene['vm']>[0] = {}) =>
    scene.vm({ layer: (await disksOf()).disk, ...change });
  const restored = async () => {
    const vm = await onCheckpoint();
    await checkpoints().restore(vm, checkpoint);
    return vm;
  };
  const observed = async (vm: VmSpec) => {
    const { state, isTwin } = (await scene.driver.inspect(vm.uuid, vm.directory)) ?? {};
    return { state, isTwin };
  };
  const child = (task: 'save' | 'restore', vm: VmSpec, path: string) => {
    const program = join(import.meta.dirname, 'checkpoint-child.ts');
    const argv = [program, scene.root, task, JSON.stringify(vm), path];
    return spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  };

  it('is not made of a VM that was not started for it, or does not run', async () => {
    const vm = await scene.vm();
    await expect(checkpoints().save(vm, checkpoint)).rejects.toMatchObject({ reason: 'CheckpointFailed' });
    await scene.driver.start(vm);
    await expect(checkpoints().save(vm, checkpoint)).rejects.toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('not started as a VM whose memory can be saved'),
    });
    expect(await scene.state(vm)).toBe('Running');
    await scene.driver.destroy(vm.uuid, vm.directory);
  });

  it('is not there after a save that was aborted, and the VM runs on', async () => {
    const stop = new AbortController();
    const save = checkpoints().save(saved, checkpoint, {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(save).rejects.toThrow('enough');
    expect(await filesNamed(scene.root, 'checkpoint')).toEqual([]);
    expect(await shell(saved, 'cat /run/before')).toBe('of memory');
  });

  itUnless(
    cannotMount,
    'is not there after a save to a disk that became full, and the VM runs on',
    async () => {
      await withSmallDisk(scene.root, 20 * mebibyte, async (small) => {
        const target = join(small, 'checkpoint');
        await expect(checkpoints().save(saved, target)).rejects.toMatchObject({
          reason: 'DiskFull',
          message: expect.stringContaining(target),
        });
        expect(await readdir(small)).toEqual([]);
      });
      expect(await shell(saved, 'cat /run/before')).toBe('of memory');
    },
  );

  it('is not there after the daemon was killed during a save, and the VM runs again when it is started', async () => {
    const other = child('save', saved, checkpoint);
    await said(other, 'copies');
    await killed(other);
    expect(await filesNamed(scene.root, 'checkpoint')).toEqual(['checkpoint.partial']);
    expect(await checkpoints().disks(checkpoint)).toBeUndefined();
    expect(await observed(saved)).toEqual({ state: 'Paused' });
    await scene.driver.start(saved);
    expect(await shell(saved, 'cat /run/before')).toBe('of memory');
  });

  it('is made after a killed save, and removes what that one left', async () => {
    const other = child('save', saved, checkpoint);
    await said(other, 'copies');
    await killed(other);
    const seen: (readonly [number, number])[] = [];
    const onProgress = (...bytes: [number, number]) => void seen.push(bytes);
    await checkpoints().save(saved, checkpoint, { onProgress });
    expect(await filesNamed(scene.root, 'checkpoint')).toEqual(['checkpoint']);
    expect(await observed(saved)).toEqual({ state: 'Stopped' });
    const { size, blocks } = await stat(join(checkpoint, 'memory'));
    expect(size).toBe(saved.memoryBytes);
    expect(blocks * 512).toBeLessThan(size);
    const [done, total] = seen.at(-1) ?? [];
    expect(total).toBeGreaterThan(size);
    expect(done).toBe(total);
  });

  it('is finished when the daemon was killed before it had ended the VM, and never replaced', async () => {
    await checkpoints().save(saved, checkpoint);
    const before = await stat(join(checkpoint, 'memory'));
    await scene.driver.start(saved);
    await expect(checkpoints().save(saved, checkpoint)).rejects.toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('there already'),
    });
    expect(await scene.state(saved)).toBe('Running');
    // As the daemon leaves it when it is killed right before it ends the VM.
    await withMonitor(systemClock, saved.directory, questionMs, (qmp) => qmp.execute('stop'));
    await checkpoints().save(saved, checkpoint);
    expect(await observed(saved)).toEqual({ state: 'Stopped' });
    expect((await stat(join(checkpoint, 'memory'))).ino).toBe(before.ino);
  });

  it('is what several VMs continue from, each with its own disk, and memory that they share', async () => {
    const vms = [await restored(), await restored(), await restored()];
    for (const [index, vm] of vms.entries()) {
      const own = `echo ${index} >/root/own && sync`;
      expect(await shell(vm, `cat /root/before /run/before && ${own}`)).toBe('of the disk\nof memory');
    }
    for (const [index, vm] of vms.entries()) expect(await shell(vm, 'cat /root/own')).toBe(String(index));
    const rollups = await Promise.all(vms.map((vm) => memoryOf(scene.driver, vm)));
    const sumOf = (name: string) => rollups.reduce((sum, each) => sum + (each[name] ?? 0), 0);
    expect(sumOf('Pss')).toBeLessThan(0.8 * sumOf('Rss'));
    for (const vm of vms) await scene.driver.destroy(vm.uuid, vm.directory);
    expect(await readdir(vms[0]?.directory ?? '')).not.toContain('state.sock');
  });

  it('leaves a restored VM without a link until it is connected, whatever daemon starts it', async () => {
    const before = calls.count;
    const vm = await restored();
    const port = vm.network.mode === 'user' ? vm.network.forwards[0]?.hostPort : undefined;
    const page = (limitMs: number) => scene.driver.prober.http(`http://127.0.0.1:${port}/`, limitMs);
    const carrier = 'cat /sys/class/net/eth0/carrier';
    const twin = { state: 'Running', isTwin: true };
    expect(await observed(vm)).toEqual(twin);
    expect(await shell(vm, carrier)).toBe('0');
    const pid = (await scene.driver.inspect(vm.uuid, vm.directory))?.pid;
    for (const again of [createDriver(scene.root).start(vm), checkpoints().restore(vm, checkpoint)])
      await again;
    expect(await observed(vm)).toEqual(twin);
    expect((await scene.driver.inspect(vm.uuid, vm.directory))?.pid).toBe(pid);
    await expect(page(1_000)).rejects.toThrow();
    expect(calls.count).toBe(before);
    await checkpoints().connect(vm);
    await checkpoints().connect(vm);
    expect(await observed(vm)).toEqual({ state: 'Running' });
    expect(await shell(vm, carrier)).toBe('1');
    expect(await page(questionMs)).toBe(200);
    await expect.poll(() => calls.count, { timeout: questionMs }).toBeGreaterThan(before);
    await behavesAsAnyOther(scene, vm, (await disksOf()).disk);
  });

  it('tells a VM whose disk is larger, and refuses one whose disk is smaller or another', async () => {
    const larger = await onCheckpoint({ diskBytes: 512 * mebibyte });
    await checkpoints().restore(larger, checkpoint);
    expect(await shell(larger, 'cat /sys/block/vda/size')).toBe(String((512 * mebibyte) / 512));
    const another = await scene.vm();
    await expect(checkpoints().restore(another, checkpoint)).rejects.toMatchObject({
      reason: 'CheckpointUnusable',
      message: expect.stringContaining('does not stand on'),
    });
    expect(await observed(another)).toEqual({});
    await scene.driver.destroy(larger.uuid, larger.directory);
    const smaller = await onCheckpoint();
    await rm(smaller.disk.path);
    const { disk } = await disksOf();
    const argv = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', disk, smaller.disk.path, '100M'];
    await promisify(execFile)('qemu-img', argv);
    await expect(checkpoints().restore(smaller, checkpoint)).rejects.toMatchObject({
      reason: 'CheckpointUnusable',
      message: expect.stringContaining('its disk has 104857600 bytes'),
    });
    expect(await observed(smaller)).toEqual({ state: 'Stopped' });
  });

  it('is used again after a daemon was killed at any moment of a restore', async () => {
    for (const afterMs of [0, 100, 200]) {
      const vm = await onCheckpoint();
      const other = child('restore', vm, checkpoint);
      await said(other, 'begins');
      await delay(afterMs);
      await killed(other);
      await checkpoints().restore(vm, checkpoint);
      expect(await observed(vm)).toEqual({ state: 'Running', isTwin: true });
      expect(await shell(vm, 'cat /run/before /sys/class/net/eth0/carrier')).toBe('of memory\n0');
      await scene.driver.destroy(vm.uuid, vm.directory);
    }
  });

  it('is refused when it is damaged or was saved by another QEMU, and the VM boots cold', async () => {
    const vm = await onCheckpoint();
    const refused = async (damage: (copy: string) => Promise<void>, why: string) => {
      const copy = join(scene.root, 'damaged');
      await cp(checkpoint, copy, { recursive: true });
      await damage(copy);
      const disk = { ...vm.disk, layers: [join(copy, 'disk.qcow2')] };
      await expect(checkpoints().restore({ ...vm, disk }, copy)).rejects.toMatchObject({
        reason: 'CheckpointUnusable',
        message: expect.stringMatching(why),
      });
      await rm(copy, { recursive: true });
    };
    await refused((copy) => flipByte(join(copy, 'memory')), 'damaged/memory is not what was saved');
    await refused((copy) => flipByte(join(copy, 'disk.qcow2')), 'damaged/disk.qcow2 is not what was saved');
    await refused((copy) => truncate(join(copy, 'state'), 1000), 'damaged/state is not what was saved');
    await refused((copy) => rm(join(copy, 'memory')), 'ENOENT');
    await refused((copy) => rm(join(copy, 'checkpoint.json')), 'it is not there');
    await refused(
      (copy) => changeRecord(copy, (text) => text.replace(/"QEMU": "[^"]+"/, '"QEMU": "1.2.3"')),
      'QEMU 1.2.3, here',
    );
    await expect(checkpoints().restore({ ...vm, vcpus: 2 }, checkpoint)).rejects.toMatchObject({
      message: expect.stringMatching(/vCPUs 1, here 2.*boots cold/),
    });
    expect(await observed(vm)).toEqual({});
    await scene.driver.start(vm);
    expect(await shell(vm, 'cat /root/before && ls /run/before || :')).toBe('of the disk');
    expect(await observed(vm)).toEqual({ state: 'Running' });
    await scene.driver.destroy(vm.uuid, vm.directory);
  });

  it('is given up when the guest does not go on with it, or QEMU does not', async () => {
    const onOtherProcessor = await otherQemu(scene.root, 'max,la57=off', 'qemu64');
    const hangs = createDriver(scene.root, { binary: onOtherProcessor, restoreLimitMs: 3_000 });
    const vm = await onCheckpoint();
    await expect(checkpointsOf(hangs).restore(vm, checkpoint)).rejects.toMatchObject({
      reason: 'CheckpointUnusable',
      message: expect.stringContaining('agent did not answer within 3 s'),
    });
    expect(await observed(vm)).toEqual({ state: 'Stopped' });
    const withOtherDevices = await otherQemu(scene.root, 'virtio-rng-pci', 'virtio-balloon-pci');
    const refuses = createDriver(scene.root, { binary: withOtherDevices });
    await expect(checkpointsOf(refuses).restore(vm, checkpoint)).rejects.toMatchObject({
      reason: 'CheckpointUnusable',
      message: expect.stringMatching(/qemu-system-x86_64: .*exit code/is),
    });
  });
});
