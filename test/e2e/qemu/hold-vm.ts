/**
 * A daemon in miniature, to be killed: starts the VM whose VmSpec is the first argument with a driver whose state is
 * below the second, says so, and waits for its end.
 */
import type { VmSpec } from '../../../src/hostd/drivers/vm.ts';
import { createDriver } from './scene.ts';

const [spec = '', root = ''] = process.argv.slice(2);
const driver = createDriver(root);
await driver.start(JSON.parse(spec) as VmSpec);
process.stdout.write('started\n');
setInterval(() => undefined, 60_000);
