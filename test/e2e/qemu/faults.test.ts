import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeUnless, itUnless, notRoot } from '../../skip.ts';
import { createDriver, noQemu, Scene, until } from './scene.ts';

const run = promisify(execFile);

describeUnless(noQemu, 'faults around QEMU', () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await Scene.create();
  });

  afterEach(() => scene.close());

  it('says which package to install where QEMU is missing', async () => {
    const driver = createDriver(scene.root, { searchPath: scene.root });
    expect(await driver.probe()).toMatchObject({
      accelerator: 'none',
      problem: {
        reason: 'HypervisorMissing',
        message: expect.stringContaining('apt-get install qemu-system-x86'),
      },
    });
    await expect(driver.start(await scene.vm())).rejects.toMatchObject({ reason: 'HypervisorMissing' });
    await expect(driver.images.inspect('/any', 'qcow2')).rejects.toMatchObject({
      reason: 'HypervisorMissing',
      message: expect.stringContaining('qemu-utils'),
    });
  });

  it('says in QEMU’s words why a VM did not start, and that a port is taken', async () => {
    const kernel = join(scene.root, 'kernel');
    await writeFile(kernel, 'no kernel at all');
    const wrong = await scene.vm({ boot: { kind: 'direct', kernel, commandLine: '' } });
    await expect(scene.driver.start(wrong)).rejects.toMatchObject({
      reason: 'VMStartFailed',
      message: expect.stringMatching(/qemu.*kernel.*exit code 1/is),
    });
    expect(await scene.state(wrong)).toBe('Stopped');

    const first = await scene.vm();
    const { network } = first;
    const second = await scene.vm({ network });
    await scene.driver.start(first);
    await expect(scene.driver.start(second)).rejects.toMatchObject({
      reason: 'PortInUse',
      message: expect.stringContaining(String(network.mode === 'user' && network.forwards[0]?.hostPort)),
    });
  });

  it('uses KVM only where it really runs a guest, and says why not', async () => {
    const { accelerator, acceleratorReason, version, problem } = await scene.driver.probe();
    expect(problem).toBeUndefined();
    expect(version).toMatch(/^\d+\.\d+/);
    if (accelerator === 'kvm') expect(acceleratorReason).toBeUndefined();
    else expect(acceleratorReason).toMatch(/KVM does not run a guest here: ./);
    const forced = await createDriver(join(scene.root, 'forced'), { accelerator: 'kvm' }).probe();
    if (accelerator === 'kvm') expect(forced.accelerator).toBe('kvm');
    else expect(forced.problem?.reason).toBe('AcceleratorUnavailable');
  });

  itUnless(
    notRoot,
    'pauses a VM when the host’s disk is full, and lets it go on when there is space again',
    async () => {
      const small = join(scene.root, 'small');
      await mkdir(small);
      await run('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', small]);
      try {
        const { vm, guest } = await scene.running({ parent: small });
        const ballast = join(small, 'ballast');
        await writeFile(ballast, Buffer.alloc(24 * 1024 * 1024));
        const script = 'dd if=/dev/urandom of=/srv/data bs=1M count=24 && sync && sha256sum /srv/data';
        const writing = guest.exec(['/bin/sh', '-c', script], { timeoutMs: 590_000 });
        writing.catch(() => undefined);
        await until('the pause', async () => (await scene.state(vm)) === 'Paused');
        expect(await scene.driver.inspect(vm.uuid, vm.directory)).toMatchObject({
          state: 'Paused',
          problem: { reason: 'DiskFull', message: expect.stringContaining('free some') },
        });
        await rm(ballast);
        await scene.driver.start(vm);
        const { exitCode, stdout } = await writing;
        expect(exitCode).toBe(0);
        expect(await scene.state(vm)).toBe('Running');
        await guest.exec(['/bin/sh', '-c', 'echo 3 >/proc/sys/vm/drop_caches'], { timeoutMs: 60_000 });
        const again = await guest.exec(['sha256sum', '/srv/data'], { timeoutMs: 120_000 });
        expect(again.stdout).toBe(stdout);
        await scene.driver.destroy(vm.uuid, vm.directory);
        await run('qemu-img', ['check', '-q', '-f', 'qcow2', vm.disk.path]);
      } finally {
        await scene.end();
        await run('umount', ['--lazy', small]);
      }
    },
  );

  it('keeps the guest’s console within bounds', async () => {
    const { vm, guest } = await scene.running();
    const log = join(vm.directory, 'console.log');
    await writeFile(log, `${'x'.repeat(5 * 1024 * 1024)}the end`, { flag: 'a' });
    await scene.driver.inspect(vm.uuid, vm.directory);
    expect((await readFile(log)).length).toBeLessThan(1024 * 1024);
    await guest.exec(['/bin/sh', '-c', 'echo after the cut >/dev/console'], { timeoutMs: 60_000 });
    const tail = await scene.driver.consoleTail(vm.directory, 1_000);
    expect(tail).toMatch(/xthe end.*after the cut/s);
  });
});
