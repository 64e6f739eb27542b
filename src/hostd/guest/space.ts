import { hostErrors } from '../errors/index.ts';
import type { Guest } from './guest.ts';
import { shellScript } from './session.ts';

const askMs = 30_000;
/** Asking an emulated guest takes as long as writing a megabyte to it: for less, the write itself finds out. */
const askedFromBytes = 1024 * 1024;

/**
 * Rejects with `GuestDiskFull`, and the numbers, when the guest's file system at `directory` has less than `neededBytes`
 * free. When the guest cannot tell, or little is to be written, nothing is refused here: the transfer itself finds out.
 */
export async function requireSpace(guest: Guest, directory: string, neededBytes: number): Promise<void> {
  if (neededBytes < askedFromBytes) return;
  const free = await freeBytes(guest, directory);
  if (free === undefined || free >= neededBytes) return;
  throw hostErrors.guestNoSpace(directory, mebibytes(neededBytes), mebibytes(free));
}

/** POSIX df: a heading, then device, blocks of 1 KiB, used, available, … in one line. */
async function freeBytes(guest: Guest, directory: string): Promise<number | undefined> {
  const { exitCode, stdout } = await guest.exec(shellScript('b df -Pk "$1"', [directory]), {
    timeoutMs: askMs,
  });
  const available = Number(stdout.trim().split('\n').at(-1)?.trim().split(/\s+/)[3]);
  return exitCode === 0 && Number.isFinite(available) ? available * 1024 : undefined;
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
