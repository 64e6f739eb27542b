/**
 * A daemon in miniature, to be killed: with a driver whose state is below the first argument it saves the VM whose VmSpec is the third
 * to the fourth, or restores it from there. A save stops where it has copied the first part of the memory, and says so.
 */
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import { createDriver } from './scene.ts';

const [root = '', task = '', spec = '', checkpoint = ''] = process.argv.slice(2);
const { checkpoints } = createDriver(root);
const vm = JSON.parse(spec) as VmSpec;
process.stdout.write('begins\n');
if (task === 'restore') await checkpoints?.restore(vm, checkpoint);
else await checkpoints?.save(vm, checkpoint, { onProgress: stop });
process.stdout.write('done\n');

function stop(): void {
  process.stdout.write('copies\n');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
