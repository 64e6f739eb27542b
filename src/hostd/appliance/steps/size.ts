import type { DesiredAppliance } from '../../../host/protocol.ts';
import type { VmSize } from '../../state/record.ts';
import type { Step } from '../pass.ts';
import { powerOff } from '../power-off.ts';
import type { Scope } from '../scope.ts';

/** The size that the VM is to have. */
export function sizeOf({ resources, disk }: DesiredAppliance): VmSize {
  const { sizeBytes, dataBytes } = disk;
  return {
    ...resources,
    ...(sizeBytes === undefined ? {} : { diskBytes: sizeBytes }),
    ...(dataBytes === undefined ? {} : { dataBytes }),
  };
}

/** Whole virtual CPUs: a share of one is what is promised on the host, not what the guest sees. */
export function vcpusOf({ cpuMillis }: Pick<VmSize, 'cpuMillis'>): number {
  return Math.max(1, Math.ceil(cpuMillis / 1000));
}

/**
 * A VM of another size is off: the steps after this one grow its disks and start it with the new size. The record names the size
 * before the VM is started with it, so what runs is never of another size than the record says.
 */
export function resizeStep({ host, desired, directory, record }: Scope): Step {
  const wanted = sizeOf(desired);
  return {
    name: 'Resize',
    isDone: async () => {
      const { size } = record.current;
      if (size === undefined || isSameVm(size, wanted)) {
        if (size !== undefined) record.update({ size: { ...size, cpuMillis: wanted.cpuMillis } });
        return true;
      }
      const found = await host.driver.inspect(desired.uuid, directory.path);
      return found?.state !== 'Running' && found?.state !== 'Paused';
    },
    run: async (signal) => {
      await powerOff(host.driver, directory, { timeoutMs: host.pace.shutdownMs, log: host.log, signal });
    },
  };
}

/** Whether a VM of one size has all of the other; a disk never shrinks. */
function isSameVm(now: VmSize, wanted: VmSize): boolean {
  return (
    vcpusOf(now) === vcpusOf(wanted) &&
    now.memoryBytes === wanted.memoryBytes &&
    (now.diskBytes ?? 0) >= (wanted.diskBytes ?? 0) &&
    (now.dataBytes ?? 0) >= (wanted.dataBytes ?? 0)
  );
}
