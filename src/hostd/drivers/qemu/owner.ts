import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isRecord } from '../../../base/is-record.ts';
import { makeDirectory, readJsonIfThere, writeJsonDurably } from '../../files/durable-files.ts';

/**
 * By what this driver's work on the host's network is told from other daemons': chosen once for a state directory. One
 * that is lost is another's: what it made is then no longer surely ours.
 */
export async function ownerOf(stateDirectory: string): Promise<string> {
  const path = join(stateDirectory, 'owner.json');
  await makeDirectory(stateDirectory);
  const read = await readJsonIfThere(path);
  if (isRecord(read) && typeof read.owner === 'string') return read.owner;
  const owner = randomUUID();
  await writeJsonDurably(path, { owner });
  return owner;
}
