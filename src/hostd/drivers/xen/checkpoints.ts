import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostErrors } from '../../errors.ts';
import { PARTIAL_SUFFIX, syncDirectory, syncFile } from '../../files.ts';
import { errorsIn, tellsOfTimeout } from './classify.ts';
import { runCommand, untilNoCommand } from './commands.ts';
import type { XenContext } from './context.ts';
import { findDomain, isUnfinished } from './domains.ts';
import { vmFiles } from './files.ts';
import { readNote, writeNote } from './note.ts';

/** See {@link Checkpoints.save}. */
export async function saveVm(
  context: XenContext,
  vm: { readonly uuid: string; readonly directory: string },
  path: string,
): Promise<void> {
  const { clock, toolstack } = context;
  const { uuid, directory } = vm;
  await untilNoCommand(clock, directory);
  const domain = await findDomain(toolstack, uuid, directory);
  if (domain === undefined || domain.shutdown !== undefined || isUnfinished(domain)) {
    throw hostErrors.checkpointFailed(uuid, 'the VM does not run');
  }
  const partial = path + PARTIAL_SUFFIX;
  const argv = ['save', String(domain.id), partial, join(directory, vmFiles.configuration)];
  const { exitCode, words } = await runCommand(clock, await toolstack.program(), argv, directory);
  if (exitCode !== 0) {
    await rm(partial, { force: true });
    if (tellsOfTimeout(words)) context.timedOut();
    throw hostErrors.checkpointFailed(uuid, errorsIn(words));
  }
  await syncFile(partial);
  await rename(partial, path);
  await syncDirectory(dirname(path));
  const note = await readNote(directory);
  if (note !== undefined) await writeNote(directory, { ...note, ended: 'Stopped' });
  await context.sockets.remove(uuid);
}
