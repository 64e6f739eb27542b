import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hostErrors, messageOf } from '../../errors/index.ts';
import { PARTIAL_SUFFIX, syncDirectory, syncFile } from '../../files/durable-files.ts';
import type { AgentClient } from '../../guest/agent.ts';
import { endAgentOnUnplug, plugAgentConsole, unplugAgentConsole } from './console/agent-console.ts';
import type { XenContext } from './context.ts';
import { readDomainRecord, removeInterruptedSave, writeDomainRecord } from './domain/domain-record.ts';
import { findDomain } from './domain/domains.ts';
import { errorsIn, isTimeout } from './xl/classify.ts';
import { configurationPath, runCommand, untilNoCommand } from './xl/commands.ts';
import { type Domain, isUnfinished } from './xl/parse.ts';

/**
 * See {@link Checkpoints.save}. The domain record says what is unfinished at each moment, so that a daemon that finds the VM after a
 * crash can repair it.
 */
export async function saveVm(
  context: XenContext,
  vm: { readonly uuid: string; readonly directory: string },
  path: string,
  agent: AgentClient,
): Promise<void> {
  const { uuid, directory } = vm;
  const domain = await runningDomain(context, uuid, directory);
  const partial = path + PARTIAL_SUFFIX;
  const record = (await readDomainRecord(directory)) ?? {
    uuid,
    domain: domain.name ?? uuid,
    commandLine: [],
  };
  try {
    if (record.consoleUnplugged === true) await plugAgentConsole(context, uuid, directory);
    await endAgentOnUnplug(agent);
    await writeDomainRecord(directory, { ...record, saving: partial, consoleUnplugged: true });
    await unplugAgentConsole(context, domain.id);
    await saveDomain(context, domain.id, partial, directory);
  } catch (error) {
    await removeInterruptedSave(directory);
    throw hostErrors.checkpointFailed(uuid, messageOf(error));
  }
  await syncFile(partial);
  await rename(partial, path);
  await syncDirectory(dirname(path));
  await writeDomainRecord(directory, { ...record, consoleUnplugged: false, ended: 'Stopped' });
  await context.sockets.remove(uuid);
}

async function runningDomain(
  { clock, toolstack }: XenContext,
  uuid: string,
  directory: string,
): Promise<Domain> {
  await untilNoCommand(clock, directory);
  const domain = await findDomain(toolstack, uuid, directory);
  if (domain === undefined || domain.shutdown !== undefined || isUnfinished(domain)) {
    throw hostErrors.checkpointFailed(uuid, 'the VM does not run');
  }
  await removeInterruptedSave(directory);
  return domain;
}

async function saveDomain(context: XenContext, id: number, file: string, directory: string): Promise<void> {
  const argv = ['save', String(id), file, configurationPath(directory)];
  const { exitCode, output } = await runCommand(context, argv, directory);
  if (exitCode === 0) return;
  if (isTimeout(output)) context.onTimeout();
  throw new Error(errorsIn(output));
}
