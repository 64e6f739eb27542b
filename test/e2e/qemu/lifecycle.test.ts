import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import { describeUnless, itUnless, notRoot } from '../../skip.ts';
import { createDriver, noQemu, Scene, until } from './scene.ts';

describeUnless(noQemu, 'the life of a VM under QEMU', () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await Scene.create();
  });

  afterEach(() => scene.close());

  const pidOf = async (vm: VmSpec) => (await scene.driver.inspect(vm.uuid, vm.directory))?.pid;

  it('starts once, answers, powers off when asked, starts again and is gone when destroyed', async () => {
    const { driver } = scene;
    const { vm, guest } = await scene.running();
    const pid = await pidOf(vm);
    await driver.start(vm);
    expect(await pidOf(vm)).toBe(pid);
    expect(await driver.inspect(vm.uuid, vm.directory)).toMatchObject({
      state: 'Running',
      accelerator: (await driver.probe()).accelerator,
      commandLine: expect.arrayContaining(['-uuid', vm.uuid]),
    });
    const port = vm.network.mode === 'user' ? (vm.network.forwards[0]?.hostPort ?? 0) : 0;
    expect(await driver.prober.http(`http://127.0.0.1:${port}/`, 30_000)).toBe(200);

    expect(await driver.shutdown(vm.uuid, vm.directory, 120_000)).toBe(true);
    expect(await scene.state(vm)).toBe('Stopped');
    expect(await driver.shutdown(vm.uuid, vm.directory, 1_000)).toBe(true);
    const firstConsole = await driver.consoleTail(vm.directory, 100_000);
    expect(firstConsole).not.toBe('');

    await driver.start(vm);
    await guest.ping(300_000);
    expect((await driver.consoleTail(vm.directory, 100_000)).startsWith(firstConsole)).toBe(true);

    await driver.destroy(vm.uuid, vm.directory);
    await driver.destroy(vm.uuid, vm.directory);
    expect(await driver.inspect(vm.uuid, vm.directory)).toBeUndefined();
    await expect(guest.ping(500)).rejects.toMatchObject({ reason: 'AgentUnavailable' });
    expect((await driver.images.inspect(vm.disk.path, 'qcow2')).references).toHaveLength(1);
  });

  it('makes one VM of two starts at once, in one daemon and in two', async () => {
    const vm = await scene.vm();
    const other = createDriver(scene.root);
    await Promise.all([scene.driver.start(vm), scene.driver.start(vm), other.start(vm)]);
    const pid = await pidOf(vm);
    await Promise.all([other.start(vm), scene.driver.start(vm)]);
    expect(await pidOf(vm)).toBe(pid);
    const elsewhere = join(scene.root, 'driver');
    expect(await other.foreignVms(elsewhere), 'of a neighbour').not.toContain(vm.domain);
    expect(await scene.driver.foreignVms(scene.root)).not.toContain(vm.domain);
    await rm(join(vm.directory, 'vm.json'));
    expect(await other.foreignVms(elsewhere), 'without a record').toContain(vm.domain);
    await promisify(execFile)('mkfifo', [join(vm.directory, 'vm.json')]);
    expect(await other.foreignVms(elsewhere), 'with a record that never ends').toContain(vm.domain);
    await rm(join(vm.directory, 'vm.json'));
  });

  it('leaves a VM running when its daemon is killed, and finds it again without its pid file', async () => {
    const vm = await scene.vm();
    await startAndDie(vm, scene.root);

    const found = await scene.driver.inspect(vm.uuid, vm.directory);
    expect(found?.state).toBe('Running');
    await scene.driver.guest(vm.uuid, vm.directory).ping(300_000);
    await writeFile(join(vm.directory, 'qemu.pid'), `${process.pid}\n`);
    await scene.driver.start(vm);
    expect(await pidOf(vm)).toBe(found?.pid);
  });

  itUnless(
    notRoot,
    'finds a VM that was started in another mount namespace, where its folder is called otherwise (needs root)',
    async () => {
      const vm = await scene.vm();
      const elsewhere = '/mnt';
      const there = JSON.parse(JSON.stringify(vm).replaceAll(scene.root, elsewhere)) as VmSpec;
      const mount = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
      const inside = ['--mount', '--propagation', 'private', 'sh', '-c', mount, 'sh', scene.root, elsewhere];
      await startAndDie(there, elsewhere, ['unshare', ...inside]);

      expect(await scene.state(vm)).toBe('Running');
      const pid = await pidOf(vm);
      await rm(join(vm.directory, 'qemu.pid'));
      await scene.driver.start(vm);
      expect(await pidOf(vm)).toBe(pid);
      expect(await scene.driver.foreignVms(scene.root)).not.toContain(vm.domain);
      expect(await scene.driver.foreignVms(vm.directory), 'of a neighbour').not.toContain(vm.domain);
      await rm(join(vm.directory, 'vm.json'));
      expect(await scene.driver.foreignVms(vm.directory)).toContain(vm.domain);
      await scene.driver.destroy(vm.uuid, vm.directory);
      expect(await pidOf(vm)).toBeUndefined();
    },
  );

  it('tells a VM that was killed from one that was shut down, and starts it again', async () => {
    const vm = await scene.vm();
    await scene.driver.start(vm);
    const pid = (await pidOf(vm)) ?? 0;
    process.kill(pid, 'SIGKILL');
    await until('the end of QEMU', async () => (await pidOf(vm)) === undefined);
    expect(await scene.state(vm)).toBe('Crashed');
    await scene.driver.start(vm);
    expect(await scene.state(vm)).toBe('Running');
  });

  it('refuses a second VM with the uuid of one that runs elsewhere, and leaves that one alone', async () => {
    const vm = await scene.vm();
    const second = await scene.vm();
    await scene.driver.start(vm);
    await expect(scene.driver.start({ ...second, uuid: vm.uuid })).rejects.toMatchObject({
      reason: 'VMConflict',
      message: expect.stringContaining(vm.directory),
    });
    expect(await scene.driver.inspect(vm.uuid, second.directory)).toBeUndefined();
    await scene.driver.destroy(vm.uuid, second.directory);
    expect(await scene.state(vm)).toBe('Running');
  });

  it('works below a folder whose path is longer than the address of a UNIX socket', async () => {
    const { guest } = await scene.running({ parent: join(scene.root, 'd'.repeat(120)) });
    expect((await guest.exec(['/bin/true'], { timeoutMs: 60_000 })).exitCode).toBe(0);
  });

  it('writes a configuration that a person can read', async () => {
    const vm = await scene.vm();
    await scene.driver.start(vm);
    const written: unknown = JSON.parse(await readFile(join(vm.directory, 'vm.json'), 'utf8'));
    expect(written).toMatchObject({ uuid: vm.uuid, memoryBytes: vm.memoryBytes, disk: vm.disk });
  });
});

/** A daemon starts the VM and is killed; `wrapped` in a program that lends it its surroundings. */
async function startAndDie(vm: VmSpec, root: string, wrapped: readonly string[] = []): Promise<void> {
  const daemon = [process.execPath, fileURLToPath(new URL('./hold-vm.ts', import.meta.url))];
  const [program = '', ...args] = [...wrapped, ...daemon, JSON.stringify(vm), root];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}
