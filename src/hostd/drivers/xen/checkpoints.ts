import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostErrors, messageOf } from '../../errors/index.ts';
import { PARTIAL_SUFFIX, syncDirectory, syncFile } from '../../files/durable-files.ts';
import type { AgentClient } from '../../guest/agent.ts';
import { bidAgentLetGo, joinAgent, partAgent } from './console/channel.ts';
import type { XenContext } from './context.ts';
import { readNote, removeInterruptedSave, writeNote } from './domain-record.ts';
import { findDomain } from './domains.ts';
import { vmFiles } from './files.ts';
import { errorsIn, tellsOfTimeout } from './xl/classify.ts';
import { runCommand, untilNoCommand } from './xl/commands.ts';
import { type Domain, isUnfinished } from './xl/parse.ts';

/** See {@link Checkpoints.save}. What is unfinished of it is noted, so that whoever finds the VM next puts it in order. */
export async function saveVm(
  context: XenContext,
  vm: { readonly uuid: string; readonly directory: string },
  path: string,
  agent: AgentClient,
): Promise<void> {
  const { uuid, directory } = vm;
  const domain = await runningDomain(context, uuid, directory);
  const partial = path + PARTIAL_SUFFIX;
  const note = (await readNote(directory)) ?? { uuid, domain: domain.name ?? uuid, commandLine: [] };
  try {
    if (note.parted === true) await joinAgent(context, uuid, directory);
    await bidAgentLetGo(agent);
    await writeNote(directory, { ...note, saving: partial, parted: true });
    await partAgent(context, domain.id);
    await saveDomain(context, domain.id, partial, directory);
  } catch (error) {
    await removeInterruptedSave(directory);
    throw hostErrors.checkpointFailed(uuid, messageOf(error));
  }
  await syncFile(partial);
  await rename(partial, path);
  await syncDirectory(dirname(path));
  await writeNote(directory, { ...note, parted: false, ended: 'Stopped' });
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
  const argv = ['save', String(id), file, join(directory, vmFiles.configuration)];
  const { exitCode, words } = await runCommand(context, argv, directory);
  if (exitCode === 0) return;
  if (tellsOfTimeout(words)) context.timedOut();
  throw new Error(errorsIn(words));
}
