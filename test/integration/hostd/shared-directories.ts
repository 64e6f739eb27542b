import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Mounts one directory below `directory` at two places, as two hosts mount one export of NFS; unmounted after the work. */
export async function withSharedMounts(
  directory: string,
  work: (mounts: { readonly exported: string; readonly a: string; readonly b: string }) => Promise<void>,
): Promise<void> {
  const [exported, a, b] = ['exported', 'mount-a', 'mount-b'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [exported, a, b]) await mkdir(path);
  const mounted: string[] = [];
  try {
    for (const path of [a, b]) {
      execFileSync('mount', ['--bind', exported, path]);
      mounted.push(path);
    }
    await work({ exported, a, b });
  } finally {
    for (const path of mounted.reverse()) unmount(path);
  }
}

/** Takes a mount away, also one that is in use. */
export function unmount(path: string): void {
  execFileSync('umount', ['--lazy', path]);
}
