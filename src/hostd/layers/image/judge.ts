import { open, stat } from 'node:fs/promises';
import type { Firmware } from '../../../domain/firmware.ts';
import type { ImageFormat, ImageTool } from '../../drivers/driver.ts';
import { hostErrors } from '../../errors/index.ts';
import type { LayerFacts } from '../layer-folder.ts';
import { contentsOf } from './contents.ts';
import { type FileKind, KIND_BYTES, kindOf } from './formats.ts';
import { checkHeader, HEADER_BYTES } from './headers.ts';

/** An image that can be a template's disk. */
export type Judgement = {
  readonly format: ImageFormat;
  readonly virtualBytes: number;
  /** Whether firmware finds something to boot on it; else it needs a kernel from elsewhere. */
  readonly bootable: boolean;
  /** Which firmware that is. */
  readonly firmware: readonly Firmware[];
  /** For people: what is on its disk. */
  readonly content: string;
};

/**
 * Judges a file that was fetched as a disk image. Its format is known by its first bytes, and its header is read here, before any
 * other program opens it. Rejects with `ImageInvalid`, `ImageUnsafe` or `ImageEncrypted` when it cannot be used.
 * @param what names the image for people
 */
export async function judgeImage(
  path: string,
  what: string,
  images: ImageTool,
  signal: AbortSignal,
): Promise<Judgement> {
  const { size: fileBytes } = await stat(path);
  const head = await readHead(path, HEADER_BYTES);
  const format = formatOf(kindOf(head.subarray(0, KIND_BYTES)), what);
  checkHeader(format, { what, head, fileBytes });
  const damage = await images.damageOf(path, format, signal);
  if (damage !== undefined) throw hostErrors.imageDamaged(what, damage);
  const { virtualBytes, references } = await images.inspect(path, format, signal);
  if (references.length > 0) throw hostErrors.imageUnsafe(what, references);
  const found = contentsOf(await images.readStart(path, format, signal));
  if (found === undefined)
    throw hostErrors.imageInvalid(what, nothingKnown(format, format === 'raw' ? fileBytes : virtualBytes));
  const { firmware, description, neededBytes } = found;
  if (neededBytes > virtualBytes) {
    throw hostErrors.imageDamaged(
      what,
      `its disk has ${description} that reaches to ${neededBytes} bytes, and ends at ${virtualBytes} bytes ` +
        `(if that is how it was made, lengthen it: truncate -s ${neededBytes})`,
    );
  }
  return { format, virtualBytes, bootable: firmware.length > 0, firmware, content: description };
}

/** What is on the disk of a layer, for those who boot from it. */
export async function factsOf(path: string, images: ImageTool, signal?: AbortSignal): Promise<LayerFacts> {
  const { virtualBytes: diskBytes } = await images.inspect(path, 'qcow2', signal);
  const found = contentsOf(await images.readStart(path, 'qcow2', signal));
  if (found === undefined) return { bootable: false, firmware: [], diskBytes };
  const { firmware, description } = found;
  return { bootable: firmware.length > 0, firmware, content: description, diskBytes };
}

/** The format of a kernel or initial RAM disk is the guest's affair, but it is not nothing, and no text. */
export async function judgeBootFile(path: string, what: string): Promise<void> {
  const kind = kindOf(await readHead(path, KIND_BYTES));
  if (kind.kind === 'other' && kind.isText === true)
    throw hostErrors.bootFileInvalid(what, kind.name, kind.remedy);
}

async function readHead(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function formatOf(kind: FileKind, what: string): ImageFormat {
  switch (kind.kind) {
    case 'image':
      return kind.format;
    case 'encrypted':
      throw hostErrors.imageEncrypted(what);
    case 'packed':
      throw hostErrors.imagePacked(what, kind.name, kind.unpack);
    case 'convertible':
      throw hostErrors.imageConvertible(what, kind.name);
    case 'other':
      throw hostErrors.imageOfOtherKind(what, kind.name, kind.remedy);
  }
}

function nothingKnown(format: ImageFormat, bytes: number): string {
  const disk =
    format === 'raw'
      ? `it has the mark of no image format, and as a raw disk of ${bytes} bytes it has`
      : `its disk of ${bytes} bytes (${format}) has`;
  return `${disk} neither a boot sector nor a partition table nor a known file system: look at what its address serves`;
}
