import { webcrypto } from 'node:crypto';

/** Whether the bytes have this SHA-256. It is computed beside the main thread, which has TLS to do meanwhile. */
export async function isChunk(bytes: Buffer, digest: Buffer): Promise<boolean> {
  return digest.equals(new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes)));
}
