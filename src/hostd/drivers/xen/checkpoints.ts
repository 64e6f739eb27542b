import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostErrors } from '../../errors.ts';
import { PARTIAL_SUFFIX, syncDirectory, syncFile } from '../../files.ts';
import { errorsIn, tellsOfTimeout } from './classify.ts';
import { runCommand, untilNoCommand } from './commands.ts';
import type { XenContext } from './context.ts';
import { findDomain, isUnfinished } from './domains.ts';
import { vmFiles } from './files.ts';
import { readNote, removeInterruptedSave, writeNote } from './note.ts';

/** See {@link Checkpoints.save}. What is unfinished of it is noted, so that whoever finds the VM next takes it away. */
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
  await removeInterruptedSave(directory);
  const partial = path + PARTIAL_SUFFIX;
  const note = (await readNote(directory)) ?? { uuid, domain: domain.name ?? uuid, commandLine: [] };
  await writeNote(directory, { ...note, saving: partial });
  const argv = ['save', String(domain.id), partial, join(directory, vmFiles.configuration)];
  const { exitCode, words } = await runCommand(clock, await toolstack.program(), argv, directory);
  if (exitCode !== 0) {
    await removeInterruptedSave(directory);
    if (tellsOfTimeout(words)) context.timedOut();
    throw hostErrors.checkpointFailed(uuid, errorsIn(words));
  }
  await syncFile(partial);
  await rename(partial, path);
  await syncDirectory(dirname(path));
  await writeNote(directory, { ...note, ended: 'Stopped' });
  await context.sockets.remove(uuid);
}
