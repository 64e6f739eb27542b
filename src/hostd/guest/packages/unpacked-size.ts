import { open } from 'node:fs/promises';

/**
 * About what an archive takes when it is unpacked, rather too little than too much: a tar is its entries, a gzip file tells its
 * content's length (modulo 4 GiB) in its last four bytes, a zip file takes its own size at least.
 */
export async function unpackedBytes(
  file: string,
  size: number,
  format: 'tar' | 'tar.gz' | 'zip',
): Promise<number> {
  if (format !== 'tar.gz' || size < 4) return size;
  const handle = await open(file, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, size - 4);
    return buffer.readUInt32LE(0);
  } finally {
    await handle.close();
  }
}
