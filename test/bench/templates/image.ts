import { createHash, randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';

const MIB = 1024 * 1024;

export type Image = { readonly path: string; readonly sha256: string };

/** A raw disk of so many MiB, which has a boot sector and nothing that could be left out or compressed. */
export async function makeImage(path: string, sizeMiB: number): Promise<Image> {
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  try {
    for (let index = 0; index < sizeMiB; index += 1) {
      const block = randomFillSync(Buffer.alloc(MIB));
      if (index === 0) {
        block.writeUInt16BE(0xebfe, 0);
        block.writeUInt16BE(0x55aa, 510);
      }
      hash.update(block);
      await file.write(block);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { path, sha256: hash.digest('hex') };
}
