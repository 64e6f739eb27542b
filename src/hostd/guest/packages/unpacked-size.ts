import { open } from 'node:fs/promises';

/**
 * About how many bytes an archive takes when it is unpacked, rather too few than too many: a tar takes its own size; the last
 * four bytes of a gzip file are the length of its content (modulo 4 GiB); a zip takes at least its own size.
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
