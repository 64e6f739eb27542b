import { availableParallelism, totalmem } from 'node:os';
import type { MachineUse } from '../driver.ts';
import type { Simulation } from './config.ts';
import type { SimulatedVm } from './vm-file.ts';

/** The machine of the configuration. Its VMs use all the memory that they were given, and no CPU. */
export function measureSimulated({ clock, machine }: Simulation, found: readonly SimulatedVm[]): MachineUse {
  const { foreign = {} } = machine;
  const vms = found.map(({ uuid, state, memoryBytes = 0 }) => ({
    uuid,
    busyMillis: 0,
    memoryBytes: state === 'Running' || state === 'Paused' ? memoryBytes : 0,
  }));
  return {
    cpuMillis: machine.cpuMillis ?? availableParallelism() * 1000,
    memoryBytes: machine.memoryBytes ?? totalmem(),
    busyMillis: (clock.monotonic() * (foreign.cpuMillis ?? 0)) / 1000,
    usedMemoryBytes: vms.reduce((sum, vm) => sum + vm.memoryBytes, foreign.memoryBytes ?? 0),
    vms,
  };
}
