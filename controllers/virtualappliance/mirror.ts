import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { formatBytes, formatCpu } from '../../src/domain/quantity.ts';
import type { ApplianceStatus, BuildStatus, StepStatus } from '../../src/host/protocol.ts';

type Status = NonNullable<VirtualAppliance['status']>;
/** The part of the status that is copied from the host's report. */
export type Mirrored = Pick<
  Status,
  'serviceState' | 'url' | 'accessPoints' | 'endpoints' | 'resources' | 'vm' | 'steps' | 'build'
>;

/**
 * The host's report in the terms of the API. The duration of a running step is left out: it grows with every report, so every
 * report would cause a write.
 */
export function mirror(report: ApplianceStatus): Mirrored {
  const accessPoints = report.accessPoints.slice(0, 16).map((url) => url.slice(0, 2048));
  const { state, pid, accelerator, startedAt, commandLine } = report.vm;
  return {
    serviceState: report.serviceState,
    url: accessPoints[0],
    accessPoints,
    endpoints: report.endpoints.slice(0, 17).map((endpoint) => ({ ...endpoint })),
    resources:
      report.resources === undefined
        ? undefined
        : { cpu: formatCpu(report.resources.cpuMillis), memory: formatBytes(report.resources.memoryBytes) },
    build: report.build === undefined ? undefined : mirrorBuild(report.build),
    vm: {
      state,
      pid,
      accelerator,
      startedTime: startedAt,
      commandLine: commandLine?.slice(0, 256).map((argument) => argument.slice(0, 4096)),
    },
    steps: report.steps.slice(0, 32).map(mirrorStep),
  };
}

/** The state of an appliance that its host had and no longer has. */
export const ABSENCE: Mirrored = {
  serviceState: 'VMUnavailable',
  url: undefined,
  accessPoints: [],
  endpoints: [],
  resources: undefined,
  vm: { state: 'Absent' },
  steps: [],
  build: undefined,
};

function mirrorBuild({ state, step, steps, name, attempt, failure }: BuildStatus): Status['build'] {
  const progress = { state, step, steps, name, attempt };
  if (failure === undefined) return progress;
  const { reason, message } = failure;
  const where = { step: failure.step, name: failure.name, exitCode: failure.exitCode };
  return {
    ...progress,
    failure: { ...where, reason: reason.slice(0, 128), message: message.slice(0, 4096) },
  };
}

function mirrorStep({ name, state, attempts, startedAt, seconds, message }: StepStatus) {
  return {
    name,
    state,
    attempts,
    startedTime: startedAt,
    seconds: state === 'Running' ? undefined : seconds,
    message: message?.slice(0, 4096),
  };
}
