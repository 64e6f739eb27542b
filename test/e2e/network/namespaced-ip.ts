import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { locate } from '../../../src/hostd/programs.ts';

/**
 * A folder below `directory`, for a search path, with an `ip` that works in the namespace. With `failAt` it does nothing
 * but fail when called with that word, which leaves what a death of the caller right there would.
 */
export async function namespacedIp(directory: string, namespace: string, failAt?: string): Promise<string> {
  const folder = await mkdtemp(join(directory, 'bin-'));
  const real = await locate('ip', `${process.env.PATH}:/usr/sbin:/sbin`);
  const failure = failAt === undefined ? '' : `case " $* " in *" ${failAt} "*) exit 1 ;; esac\n`;
  const path = join(folder, 'ip');
  await writeFile(path, `#!/bin/sh\n${failure}exec ${real} -n ${namespace} "$@"\n`);
  await chmod(path, 0o755);
  return folder;
}
