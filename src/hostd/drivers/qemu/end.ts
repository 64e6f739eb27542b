import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { deadlineIn } from '../../../base/deadline.ts';
import { hostErrors, messageOf } from '../../errors/index.ts';
import type { AgentClient } from '../../guest/agent.ts';
import { tellToPowerOff } from '../../guest/tell-to-power-off.ts';
import type { HostNetwork } from '../../network/links.ts';
import { endProcess, waitUntilGone } from '../common/processes.ts';
import { removeTap } from '../common/tap.ts';
import { readConfiguration } from './configuration.ts';
import { vmFiles } from './files.ts';
import { hasEnded, letRun, readCondition, withMonitor } from './monitor.ts';
import { findVm, nameOf, type QemuProcess } from './processes.ts';
import { forgetMemory } from './suspend/saved-memory.ts';

/** QEMU ends within milliseconds of SIGTERM, unless the host's storage hangs. */
const endLimits = { orderlyMs: 5_000, killMs: 20_000 } as const;
const monitorLimitMs = 5_000;

/**
 * Ends a QEMU at once, whatever its guest does. SIGTERM lets QEMU write the disk image's tables that it still holds in memory;
 * to the guest it is the same as a power cut.
 */
export async function endVm(clock: Clock, running: QemuProcess): Promise<void> {
  if (await endProcess(clock, running, endLimits)) return;
  throw hostErrors.vmNotEnding('QEMU', nameOf(running), running.pid);
}

/** Ends the VM's QEMU and removes the files of QEMU and of the driver. Logs stay, to show what happened. */
export async function destroyVm(
  clock: Clock,
  network: HostNetwork,
  uuid: string,
  directory: string,
): Promise<void> {
  const running = await findVm(uuid, directory);
  if (running !== undefined) await endVm(clock, running);
  // The configuration says that there may be a tap, so it is removed after the tap.
  if ((await readConfiguration(directory))?.bridge !== undefined) await removeTap(network, uuid);
  await forgetMemory(directory);
  const files = [vmFiles.configuration, vmFiles.pid, vmFiles.monitor, vmFiles.agent, vmFiles.state];
  await Promise.all(files.map((name) => rm(join(directory, name), { force: true })));
}

/**
 * Presses the power button and asks the agent, because some guests react to only one of them, and waits. True when the VM does not
 * run any more. A panicked guest reacts to neither, so its QEMU is ended.
 */
export async function shutDownVm(
  clock: Clock,
  uuid: string,
  directory: string,
  timeoutMs: number,
  agent: AgentClient,
): Promise<boolean> {
  const until = clock.monotonic() + timeoutMs;
  const running = await findVm(uuid, directory);
  if (running === undefined) return true;
  // A QEMU that hangs has no button, but its guest may still hear its agent.
  const condition = await pressPowerButton(clock, directory).catch(() => undefined);
  if (condition !== undefined && hasEnded(condition)) {
    await endVm(clock, running);
    return true;
  }
  const leftMs = Math.max(0, until - clock.monotonic());
  const over = new AbortController();
  const asked = tellToPowerOff({ clock, agent }, uuid, deadlineIn(clock, leftMs), over.signal);
  // The button may be enough: a failure of the agent does not matter if the guest ends.
  asked.catch(messageOf);
  return waitUntilGone(clock, running, leftMs).finally(() => over.abort());
}

async function pressPowerButton(clock: Clock, directory: string) {
  return withMonitor(clock, directory, monitorLimitMs, async (qmp) => {
    const condition = await readCondition(qmp);
    // A paused guest reacts only when it runs again.
    if (condition.state === 'Paused') await letRun(qmp, directory);
    if (!hasEnded(condition)) await qmp.execute('system_powerdown');
    return condition;
  });
}
