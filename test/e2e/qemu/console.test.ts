import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeUnless } from '../../skip.ts';
import { noQemu, Scene, until } from './scene.ts';

describeUnless(noQemu, 'the console of a VM under QEMU', () => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await Scene.create();
  });

  afterEach(() => scene.close());

  it('is one person at a time, who types and reads, while the log gets all of it', async () => {
    const { driver } = scene;
    const { vm } = await scene.running();
    const console = await driver.openConsole(vm.directory);
    await expect(driver.openConsole(vm.directory)).rejects.toMatchObject({ reason: 'ConsoleUnavailable' });
    let words = '';
    console.on('data', (chunk: Buffer) => {
      words += chunk.toString();
    });
    console.write('\n');
    console.write('echo typed-$((40 + 2))\n');
    await until('the words on the console', async () => words.includes('typed-42'));
    expect(await driver.consoleTail(vm.directory, 100_000)).toContain('typed-42');

    console.destroy();
    await once(console, 'close');
    const again = await driver.openConsole(vm.directory);
    again.destroy();
    await once(again, 'close');
    await driver.destroy(vm.uuid, vm.directory);
    await expect(driver.openConsole(vm.directory)).rejects.toMatchObject({ reason: 'ConsoleUnavailable' });
  });
});
