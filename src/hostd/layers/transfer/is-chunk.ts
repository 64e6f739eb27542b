import { hash } from 'node:crypto';

/** Whether the bytes have this SHA-256. It is computed at once: for 64 KiB, to have another thread do it costs more than it takes. */
export function isChunk(bytes: Buffer, digest: Buffer): boolean {
  return hash('sha256', bytes, 'buffer').equals(digest);
}
