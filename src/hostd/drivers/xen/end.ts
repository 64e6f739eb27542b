import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../../../base/clock.ts';
import { HostError, hostErrors, messageOf } from '../../errors/index.ts';
import type { AgentClient } from '../../guest/agent.ts';
import type { XenContext } from './context.ts';
import { readNote, removeInterruptedSave, writeNote } from './domain-record.ts';
import { conditionOf, findDomain } from './domains.ts';
import { vmFiles } from './files.ts';
import { commandsAt, endCommands } from './xl/commands.ts';
import { removeBootLoaderLog, removeDeviceModelLogs } from './xl/device-model.ts';
import { type Domain, isUnfinished } from './xl/parse.ts';

/** Taking devices away has time-outs of ten seconds each in libxl; the rest is for a host that is busy. */
const endLimitMs = 180_000;
const askPauseMs = 200;
/** xl asks at once, then waits a minute to be heard: in vain when the agent's way was faster and the guest has ended. */
const hearLimitMs = 15_000;
const unheard: readonly string[] = ['ToolstackFailed', 'ToolstackSilent'];

/**
 * Ends a domain at once and waits until nothing is left of it. A half one, and one that a former try left dying, as well;
 * what libxl does not manage in its own time is asked for again.
 */
export async function endDomain({ clock, toolstack }: XenContext, { id, uuid, name }: Domain): Promise<void> {
  const until = clock.monotonic() + endLimitMs;
  let words = 'it goes on dying';
  for (;;) {
    try {
      await toolstack.run(['destroy', String(id)], endLimitMs);
    } catch (error) {
      if (!(error instanceof HostError) || error.reason !== 'ToolstackFailed') throw error;
      // Gone meanwhile, or not wholly taken down: the list says which.
      words = error.message;
    }
    for (let asked = 0; asked < 10; asked += 1) {
      const left = (await toolstack.domains()).find((each) => each.id === id && each.uuid === uuid);
      if (left === undefined) return removeBootLoaderLog(id);
      await sleep(clock, askPauseMs);
    }
    if (clock.monotonic() >= until) throw hostErrors.domainNotEnding(name ?? uuid, id, words);
  }
}

/** See {@link Driver.destroy}. What was written to the console stays in the VM's folder. */
export async function destroyVm(context: XenContext, uuid: string, directory: string): Promise<void> {
  await endCommands(context.clock, directory);
  await removeInterruptedSave(directory);
  const domain = await findDomain(context.toolstack, uuid, directory);
  if (domain !== undefined) await endDomain(context, domain);
  await context.consoles.collect(directory);
  const note = await readNote(directory);
  if (note !== undefined) await removeDeviceModelLogs(note.domain);
  await context.sockets.remove(uuid);
  const kept = [vmFiles.configuration, vmFiles.note];
  await Promise.all(kept.map((name) => rm(join(directory, name), { force: true })));
}

/**
 * See {@link Driver.shutdown}. Asks by Xen's own way and by the agent, for guests that hear only one of them. A domain
 * whose guest has ended is taken away, once it is noted how it ended.
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
  if (domain.shutdown === undefined && !domain.dying) await askToPowerOff(context, domain, agent, timeoutMs);
  for (;;) {
    const now = await findDomain(toolstack, uuid, directory);
    if (now === undefined) return true;
    if (now.shutdown !== undefined || now.dying) {
      await putAway(context, now, directory);
      return true;
    }
    if (clock.monotonic() >= until) return false;
    await sleep(clock, askPauseMs);
  }
}

async function askToPowerOff(
  { toolstack }: XenContext,
  { id, paused }: Domain,
  agent: AgentClient,
  timeoutMs: number,
): Promise<void> {
  // A paused guest hears it when it goes on.
  if (paused) await toolstack.run(['unpause', String(id)]);
  const asked = agent.tell('guest-shutdown', { mode: 'powerdown' }, timeoutMs);
  // One way may be enough: that the agent does not answer, or Xen's own way is not heard, is no failure if the guest ends.
  asked.catch(messageOf);
  const limitMs = Math.min(hearLimitMs, timeoutMs);
  await toolstack.run(['shutdown', '-F', String(id)], limitMs).catch((error: unknown) => {
    if (!(error instanceof HostError) || !unheard.includes(error.reason)) throw error;
  });
}

/** Notes how the guest of a domain ended, then frees what Xen keeps of it. */
async function putAway(context: XenContext, domain: Domain, directory: string): Promise<void> {
  const note = await readNote(directory);
  const ended = conditionOf(domain).state === 'Stopped' ? 'Stopped' : 'Crashed';
  if (note !== undefined) await writeNote(directory, { ...note, ended });
  await endDomain(context, domain);
  await context.sockets.remove(domain.uuid);
}
