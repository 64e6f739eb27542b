import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isRecord } from '../../../base/json.ts';
import { makeDirectory, readJsonIfThere, writeJsonDurably } from '../../files/durable-files.ts';

/**
 * An id by which this driver recognises its own network interfaces among other daemons'. It is chosen once per state directory. If the
 * directory is lost, the next id differs, and interfaces made before are no longer certainly this driver's.
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
