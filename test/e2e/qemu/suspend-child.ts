/**
 * A daemon in miniature that kills itself: with a driver whose state is below the first argument it suspends or starts, as the second says,
 * the VM whose VmSpec is the third, and is killed when it looks at its clock for so many times as the fourth says. A driver does that
 * before and after everything that it does to QEMU. At its end it prints how often it has looked.
 */
import { systemClock } from '../../../src/base/clock.ts';
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import { createDriver } from './scene.ts';

const [root = '', task = '', spec = '', limit = ''] = process.argv.slice(2);
let looks = 0;
const monotonic = () => {
  looks += 1;
  if (looks === Number(limit)) process.kill(process.pid, 'SIGKILL');
  return systemClock.monotonic();
};
const driver = createDriver(root, { clock: { ...systemClock, monotonic } });
const vm = JSON.parse(spec) as VmSpec;
if (task === 'start') await driver.start(vm);
else await driver.suspensions?.suspend(vm);
process.stdout.write(`${looks}\n`);
