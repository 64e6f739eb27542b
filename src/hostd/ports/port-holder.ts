import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ifReadable } from '../files/if-there.ts';

const LISTENING = '0A';

/** The program that listens on a TCP port of this machine, for a message: `sshd (process 812)`. */
export async function describePortHolder(port: number, proc = '/proc'): Promise<string> {
  const inode =
    (await socketInode(port, join(proc, 'net/tcp'))) ?? (await socketInode(port, join(proc, 'net/tcp6')));
  const pid = inode === undefined ? undefined : await ownerOf(inode, proc);
  if (pid === undefined) return 'another process';
  const name = await ifReadable(readFile(join(proc, pid, 'comm'), 'utf8'));
  return `${(name ?? 'a process').trim()} (process ${pid})`;
}

/** The inode of the listening socket, from the kernel's table. https://docs.kernel.org/networking/proc_net_tcp.html */
async function socketInode(port: number, table: string): Promise<string | undefined> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = ((await ifReadable(readFile(table, 'utf8'))) ?? '').split('\n').slice(1);
  for (const row of rows) {
    const [, local, , state, , , , , , inode] = row.trim().split(/\s+/);
    if (local?.endsWith(suffix) && state === LISTENING) return inode;
  }
  return undefined;
}

async function ownerOf(inode: string, proc: string): Promise<string | undefined> {
  const pids = ((await ifReadable(readdir(proc))) ?? []).filter((name) => /^[0-9]+$/.test(name));
  for (const pid of pids) {
    const descriptors = (await ifReadable(readdir(join(proc, pid, 'fd')))) ?? [];
    for (const descriptor of descriptors) {
      const target = await ifReadable(readlink(join(proc, pid, 'fd', descriptor)));
      if (target === `socket:[${inode}]`) return pid;
    }
  }
  return undefined;
}
