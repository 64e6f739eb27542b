import { BlockReader } from '../../guest/packages/block-reader.ts';
import { type Header, nextHeader } from '../../guest/packages/tar.ts';

const BLOCK_BYTES = 512;

/** A file in a tar. */
export type ArchivedFile = {
  readonly name: string;
  readonly bytes: number;
  /** Its next bytes, at most so many as are left of it. */
  take(bytes: number): Promise<Buffer>;
  /** What is left of it, in pieces. */
  rest(): AsyncIterable<Uint8Array>;
};

/**
 * Has `visit` look at the files of a tar, in their order, until it answers `stop`; what it leaves of a file is passed over. Links, folders
 * and devices are not shown. Throws, with what is wrong, when the tar is damaged or cut off.
 */
export async function visitFiles(
  tar: AsyncIterable<Uint8Array>,
  visit: (file: ArchivedFile) => Promise<'stop' | undefined>,
): Promise<void> {
  const reader = new BlockReader(tar);
  try {
    for (;;) {
      const header = await nextHeader(reader);
      if (header === undefined) break;
      const { file, passOver } = fileOf(reader, header);
      if (header.entry.kind === 'file' && (await visit(file)) === 'stop') return;
      await passOver();
    }
    // The end of what the tar was packed in says whether all of it was right.
    await reader.drain();
  } finally {
    await reader.close();
  }
}

function fileOf(reader: BlockReader, { entry: { name }, storedBytes }: Header) {
  let left = storedBytes;
  async function* rest(): AsyncGenerator<Uint8Array> {
    for await (const piece of reader.pieces(left)) {
      left -= piece.length;
      yield piece;
    }
  }
  const take = async (bytes: number) => {
    const taken = await reader.take(Math.min(bytes, left));
    left -= taken.length;
    return taken;
  };
  const file: ArchivedFile = { name, bytes: storedBytes, take, rest };
  const padding = Math.ceil(storedBytes / BLOCK_BYTES) * BLOCK_BYTES - storedBytes;
  return { file, passOver: () => reader.skip(left + padding) };
}
