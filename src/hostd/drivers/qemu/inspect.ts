import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, instant } from '../../../base/clock.ts';
import { hostErrors, toProblem } from '../../errors/index.ts';
import { ifThere } from '../../files/if-there.ts';
import type { HostNetwork } from '../../network/links.ts';
import { processAgeMs } from '../common/process-age.ts';
import { connectionProblem } from '../common/tap.ts';
import type { VmObservation } from '../driver.ts';
import { readConfiguration } from './configuration.ts';
import { vmFiles } from './files.ts';
import { hasEnded, readCondition, type VmCondition, withMonitor } from './monitor.ts';
import { findVm, type QemuProcess, recordedPid } from './processes.ts';
import { savedMemoryOf } from './suspend/saved-memory.ts';

const monitorLimitMs = 5_000;

/** See {@link Driver.inspect}. */
export async function inspectVm(
  clock: Clock,
  network: HostNetwork,
  uuid: string,
  directory: string,
): Promise<VmObservation | undefined> {
  const running = await findVm(uuid, directory);
  const configuration = await readConfiguration(directory);
  const accelerator = configuration?.uuid === uuid ? { accelerator: configuration.accelerator } : {};
  if (running !== undefined) {
    const condition = await conditionOf(clock, running);
    const { isEmpty, ...reported } = condition;
    const isTwin = configuration?.uuid === uuid && configuration.isTwin === true;
    const started = await startedAt(directory);
    const runningForMs = await processAgeMs(running.pid);
    const bridge = configuration?.uuid === uuid ? configuration.bridge : undefined;
    const lost = bridge === undefined ? undefined : await connectionProblem(network, uuid, bridge);
    return {
      uuid,
      ...(lost === undefined ? {} : { connected: false, problem: toProblem(lost) }),
      ...reported,
      ...(isTwin ? { isTwin } : {}),
      ...accelerator,
      ...started,
      ...(runningForMs === undefined ? {} : { runningForMs }),
      ...(hasEnded(condition) ? { remains: true } : {}),
      pid: running.pid,
      commandLine: running.arguments,
    };
  }
  if (configuration?.uuid !== uuid) return undefined;
  const state =
    (await savedMemoryOf({ uuid, directory })) === undefined ? await endOf(directory) : 'Suspended';
  return { uuid, state, ...accelerator, commandLine: configuration.commandLine };
}

/** QEMU removes its pid file when it ends in order, for example after the guest powers off; not when it is killed. */
async function endOf(directory: string): Promise<VmObservation['state']> {
  return (await recordedPid(directory)) === undefined ? 'Stopped' : 'Crashed';
}

/** If the monitor does not answer, the state of the guest is unknown; QEMU's process exists, so the VM counts as running. */
async function conditionOf(clock: Clock, running: QemuProcess): Promise<VmCondition> {
  try {
    return await withMonitor(clock, running.directory, monitorLimitMs, readCondition);
  } catch (error) {
    const silent = hostErrors.hypervisorSilent(`QEMU (pid ${running.pid})`, error);
    return { state: 'Running', problem: toProblem(silent) };
  }
}

/** The time of the pid file, which QEMU writes once, when it starts. */
async function startedAt(directory: string): Promise<{ startedAt?: string }> {
  const found = await ifThere(stat(join(directory, vmFiles.pid)));
  return found === undefined ? {} : { startedAt: instant(found.mtimeMs) };
}
