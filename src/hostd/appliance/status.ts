import type { ApplianceStatus, DesiredAppliance, Problem, VmStatus } from '../../host/protocol.ts';
import type { VmObservation } from '../drivers/driver.ts';
import type { ApplianceDirectory } from '../state/appliance-directory.ts';
import type { ApplianceRecord, VmSize } from '../state/record.ts';
import { buildStatusOf } from './build/progress.ts';
import { endpointsOf } from './endpoints.ts';
import type { Observation } from './observation.ts';
import { type StepTimer, shownSteps } from './progress.ts';

type Facts = {
  readonly directory: ApplianceDirectory;
  readonly desired: DesiredAppliance | undefined;
  readonly record: ApplianceRecord;
  readonly stateGeneration: number;
  readonly deleting: boolean;
  readonly problem: Problem | undefined;
  readonly found: Observation;
  readonly timer: StepTimer;
};

/** An appliance as the API shows it. If its files cannot be read, that is its uuid, its VM, and the problem. */
export function statusOf(facts: Facts): ApplianceStatus {
  const { directory, desired, record, stateGeneration, deleting, problem, found, timer } = facts;
  const { vm, diskBytes, dataDiskBytes } = found;
  const build = buildStatusOf(desired, record, vm === undefined || vm.state === 'Stopped');
  return {
    uuid: directory.uuid,
    generation: desired?.generation ?? 0,
    stateGeneration,
    namespace: desired?.namespace ?? '',
    name: desired?.name ?? '',
    deleting,
    serviceState: record.serviceState,
    answers: record.answers ?? false,
    vm: vmStatusOf(vm),
    ...(record.size === undefined || vm === undefined ? {} : { resources: resourcesIn(record.size) }),
    accessPoints: record.accessPoints,
    endpoints: desired === undefined ? [] : endpointsOf(desired, record.ports),
    steps: shownSteps(record, timer),
    ...(build === undefined ? {} : { build }),
    ...(problem === undefined ? {} : { problem }),
    ...(diskBytes === undefined ? {} : { diskPath: directory.diskPath, diskBytes }),
    ...(dataDiskBytes === undefined ? {} : { dataDiskPath: directory.dataDiskPath, dataDiskBytes }),
  };
}

function resourcesIn({ cpuMillis, memoryBytes }: VmSize): Pick<VmSize, 'cpuMillis' | 'memoryBytes'> {
  return { cpuMillis, memoryBytes };
}

function vmStatusOf(vm: VmObservation | undefined): VmStatus {
  if (vm === undefined) return { state: 'Absent' };
  const { uuid: _, problem: __, connected: ___, remains: ____, runningForMs: _____, ...status } = vm;
  return status;
}
