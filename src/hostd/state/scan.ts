import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { makeDirectory, removeInterrupted } from '../files/durable-files.ts';
import { DELETING_SUFFIX, NEW_SUFFIX } from './appliance-directory.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The uuids of the appliances under `root`. Finishes what a crash interrupted: removes directories that were renamed for
 * removal, and new ones that were never acknowledged. Anything else that lies there is logged and left alone.
 */
export async function scanAppliances(root: string, log: Logger): Promise<readonly string[]> {
  await makeDirectory(root);
  const uuids: string[] = [];
  for (const name of (await readdir(root)).sort()) {
    if (UUID.test(name)) {
      await removeInterrupted(join(root, name), '');
      uuids.push(name);
    } else if (isLeftover(name)) await rm(join(root, name), { recursive: true, force: true });
    else log.warn({ path: join(root, name) }, 'this is not an appliance of this daemon: left alone');
  }
  return uuids;
}

function isLeftover(name: string): boolean {
  return [NEW_SUFFIX, DELETING_SUFFIX].some(
    (suffix) => name.endsWith(suffix) && UUID.test(name.slice(0, -suffix.length)),
  );
}
