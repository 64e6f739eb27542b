import { rm } from 'node:fs/promises';
import { sleep } from '../../../base/clock.ts';
import { deadlineIn } from '../../../base/deadline.ts';
import { HostError, hostErrors, messageOf } from '../../errors/index.ts';
import type { AgentClient } from '../../guest/agent.ts';
import { tellToPowerOff } from '../../guest/tell-to-power-off.ts';
import type { XenContext } from './context.ts';
import {
  readDomainRecord,
  removeDomainRecord,
  removeInterruptedSave,
  writeDomainRecord,
} from './domain/domain-record.ts';
import { conditionOf, findDomain } from './domain/domains.ts';
import { commandsAt, configurationPath, endCommands } from './xl/commands.ts';
import { removeBootLoaderLog, removeDeviceModelLogs } from './xl/device-model.ts';
import { type Domain, isUnfinished } from './xl/parse.ts';

/** libxl waits up to ten seconds for each device to be removed; the rest is for a busy host. */
const endLimitMs = 180_000;
const pollMs = 200;
/** How often the list is read before the domain is destroyed again. */
const polls = 10;
/**
 * `xl shutdown` waits up to a minute for the guest to acknowledge. It waits in vain when the agent was faster and the guest has
 * already ended.
 */
const acknowledgeLimitMs = 15_000;
const notAcknowledged: readonly string[] = ['ToolstackFailed', 'ToolstackSilent'];

/**
 * Ends a domain at once and waits until nothing is left of it. Works on half-made domains too, and on domains that an earlier call
 * left dying. Destroys again when libxl's own time was not enough.
 */
export async function endDomain({ clock, toolstack }: XenContext, { id, uuid, name }: Domain): Promise<void> {
  const until = clock.monotonic() + endLimitMs;
  let problem = 'it is still being destroyed';
  for (;;) {
    try {
      await toolstack.run(['destroy', String(id)], endLimitMs);
    } catch (error) {
      if (!(error instanceof HostError) || error.reason !== 'ToolstackFailed') throw error;
      // The domain is gone, or only partly removed: the list shows which.
      problem = error.message;
    }
    for (let poll = 0; poll < polls; poll += 1) {
      const left = (await toolstack.domains()).find((each) => each.id === id && each.uuid === uuid);
      if (left === undefined) return removeBootLoaderLog(id);
      await sleep(clock, pollMs);
    }
    if (clock.monotonic() >= until) throw hostErrors.domainNotEnding(name ?? uuid, id, problem);
  }
}

/** See {@link Driver.destroy}. The console's log stays in the VM's folder. */
export async function destroyVm(context: XenContext, uuid: string, directory: string): Promise<void> {
  await endCommands(context.clock, directory);
  await removeInterruptedSave(directory);
  const domain = await findDomain(context.toolstack, uuid, directory);
  if (domain !== undefined) await endDomain(context, domain);
  await context.consoles.collect(directory);
  const record = await readDomainRecord(directory);
  if (record !== undefined) await removeDeviceModelLogs(record.domain);
  await context.sockets.remove(uuid);
  await Promise.all([rm(configurationPath(directory), { force: true }), removeDomainRecord(directory)]);
}

/**
 * See {@link Driver.shutdown}. Asks the guest both through Xen and through its agent, because some guests react to only one of
 * them. Once the guest has ended, records how, and removes the domain.
 */
export async function shutDownVm(
  context: XenContext,
  uuid: string,
  directory: string,
  timeoutMs: number,
  agent: AgentClient,
): Promise<boolean> {
  const { clock, toolstack } = context;
  const until = clock.monotonic() + timeoutMs;
  const domain = await findDomain(toolstack, uuid, directory);
  if (domain === undefined) return true;
  if (isUnfinished(domain) || (await commandsAt(directory)).length > 0) {
    await endCommands(clock, directory);
    await endDomain(context, domain);
    return true;
  }
  const over = new AbortController();
  try {
    if (domain.shutdown === undefined && !domain.dying)
      await askToPowerOff(context, domain, agent, timeoutMs, over.signal);
    for (;;) {
      const now = await findDomain(toolstack, uuid, directory);
      if (now === undefined) return true;
      if (now.shutdown !== undefined || now.dying) {
        await removeEnded(context, now, directory);
        return true;
      }
      if (clock.monotonic() >= until) return false;
      await sleep(clock, pollMs);
    }
  } finally {
    over.abort();
  }
}

async function askToPowerOff(
  { clock, toolstack }: XenContext,
  { id, uuid, paused }: Domain,
  agent: AgentClient,
  timeoutMs: number,
  over: AbortSignal,
): Promise<void> {
  // A paused guest reacts only when it runs again.
  if (paused) await toolstack.run(['unpause', String(id)]);
  const asked = tellToPowerOff({ clock, agent }, uuid, deadlineIn(clock, timeoutMs), over);
  // One of the two ways is enough: a failure of the other does not matter if the guest ends.
  asked.catch(messageOf);
  const limitMs = Math.min(acknowledgeLimitMs, timeoutMs);
  await toolstack.run(['shutdown', '-F', String(id)], limitMs).catch((error: unknown) => {
    if (!(error instanceof HostError) || !notAcknowledged.includes(error.reason)) throw error;
  });
}

/** Records how the guest of a domain ended, then frees what Xen keeps of the domain. */
async function removeEnded(context: XenContext, domain: Domain, directory: string): Promise<void> {
  const record = await readDomainRecord(directory);
  const ended = conditionOf(domain).state === 'Stopped' ? 'Stopped' : 'Crashed';
  if (record !== undefined) await writeDomainRecord(directory, { ...record, ended });
  await endDomain(context, domain);
  await context.sockets.remove(domain.uuid);
}
