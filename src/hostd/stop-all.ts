import { join } from 'node:path';
import type { Logger } from 'pino';
import { powerOff } from './appliance/power-off.ts';
import type { Driver } from './drivers/driver.ts';
import { makeDirectory } from './files/durable-files.ts';
import { lockStateDirectory } from './files/file-lock.ts';
import { scanAppliances } from './state/scan.ts';

/**
 * Shuts down every VM of a state directory, and ends those that do not power off in time. Rejects with
 * `StateDirectoryInUse` while a daemon runs there: the daemon would start the VMs again. When a VM cannot be ended, rejects with its
 * error, after all others were ended.
 */
export async function stopAllVms(options: {
  readonly stateDirectory: string;
  readonly driver: Driver;
  readonly timeoutMs: number;
  readonly log: Logger;
}): Promise<void> {
  const { stateDirectory, driver, timeoutMs, log } = options;
  await makeDirectory(stateDirectory);
  const lock = await lockStateDirectory(stateDirectory);
  try {
    const root = join(stateDirectory, 'appliances');
    const stops = (await scanAppliances(root, log)).map(async (uuid) => {
      const path = join(root, uuid);
      const vm = await driver.inspect(uuid, path);
      // It is off, and what it has in its memory would be lost.
      if (vm === undefined || vm.state === 'Suspended') return;
      const graceful = await powerOff(driver, { uuid, path }, { timeoutMs, log });
      log.info({ appliance: uuid, graceful }, 'VM stopped');
    });
    const failed = (await Promise.allSettled(stops)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  } finally {
    await lock.release();
  }
}
