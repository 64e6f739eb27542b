import type { FileHandle } from 'node:fs/promises';

/** What a file system gives at least to what is not a hole, and what a hole is a multiple of. */
const PAGE = Buffer.alloc(4096);

/** Writes all the bytes. */
export async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

/** Writes the bytes but for whole pages of zeroes: where nothing was written before, those stay holes. */
export async function writeSparsely(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let begin = 0; begin < bytes.length; ) {
    const isZero = isZeroPage(bytes, begin);
    let end = begin + PAGE.length;
    while (end < bytes.length && isZeroPage(bytes, end) === isZero) end += PAGE.length;
    if (!isZero) await writeFully(file, bytes.subarray(begin, end), position + begin);
    begin = end;
  }
}

function isZeroPage(bytes: Buffer, at: number): boolean {
  return bytes.length - at >= PAGE.length && bytes.compare(PAGE, 0, PAGE.length, at, at + PAGE.length) === 0;
}
