import { open, rm, stat, writeFile } from 'node:fs/promises';
import { hostErrors } from '../../errors/index.ts';
import { digestOf } from '../../files/digest.ts';
import { createUnpack } from '../common/unpack.ts';
import type { ImageTool } from '../driver.ts';
import type { Simulation } from './config.ts';

/** The first line of a simulated disk's file; the image's description follows. */
const MARK = 'coppice simulated disk\n';
const QCOW2_MAGIC = 0x514649fb;
const EXTERNAL_DATA_FILE = 1n << 2n;
const HEADER_BYTES = 4096;

type Image = Awaited<ReturnType<ImageTool['inspect']>> & { readonly of?: string };

/** Inspects and unpacks real images as well as simulated ones; creates only simulated ones. Every image is sound, and boots. */
export function createSimulatedImages(
  simulation: Simulation,
  searchPath = process.env.PATH ?? '/usr/bin:/bin',
): ImageTool {
  const create = async (layer: string, target: string, image: Image) => {
    const virtualBytes = Math.max(image.virtualBytes, (await inspect(layer)).virtualBytes);
    await writeSimulated(target, { virtualBytes, references: image.references });
  };
  return {
    inspect,
    damageOf: async () => undefined,
    readStart: async () => bootSector,
    diskFormat: 'raw',
    convert: async (source, _format, target, limits) => {
      await simulation.spend('convert', target, limits?.signal);
      const { virtualBytes } = await inspect(source);
      // Other content is another layer.
      await writeSimulated(target, { virtualBytes, references: [], of: await digestOf(source) });
    },
    createOverlay: async (layer, target, sizeBytes = 0, signal) => {
      await simulation.spend('overlay', target, signal);
      await create(layer, target, { virtualBytes: sizeBytes, references: [layer] });
    },
    createEmpty: (target, virtualBytes) => writeSimulated(target, { virtualBytes, references: [] }),
    grow: async (path, sizeBytes) => {
      const image = await inspect(path);
      const grown = { ...image, virtualBytes: Math.max(image.virtualBytes, sizeBytes) };
      await writeFile(path, MARK + JSON.stringify(grown));
    },
    createClone: async (layer, target, sizeBytes = 0, limits) => {
      await simulation.spend('clone', target, limits?.signal);
      await create(layer, target, { virtualBytes: sizeBytes, references: [] });
    },
    unpack: createUnpack({ searchPath }),
    digHoles: async () => undefined,
    createSeed: async (_folder, target) => writeSimulated(target, { virtualBytes: 0, references: [] }),
  };
}

const bootSector = Buffer.alloc(512, 0x90);
bootSector.writeUInt16BE(0x55aa, 510);

async function writeSimulated(target: string, image: Image): Promise<void> {
  try {
    await writeFile(target, MARK + JSON.stringify(image), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(target, { force: true });
    throw error;
  }
}

async function inspect(path: string): Promise<Image> {
  const { size } = await stat(path);
  const header = await head(path);
  if (header.length >= 104 && header.readUInt32BE(0) === QCOW2_MAGIC) return readQcow2(path, header);
  const text = header.toString();
  if (text.startsWith(MARK)) return JSON.parse(text.slice(MARK.length)) as Image;
  return { virtualBytes: size, references: [] };
}

/** https://www.qemu.org/docs/master/interop/qcow2.html#header */
function readQcow2(path: string, header: Buffer): Image {
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw hostErrors.imageInvalid(path, `qcow2 of version ${version}`);
  const offset = Number(header.readBigUInt64BE(8));
  const length = header.readUInt32BE(16);
  const backing = offset === 0 ? [] : [header.subarray(offset, offset + length).toString()];
  const features = version === 3 ? header.readBigUInt64BE(72) : 0n;
  const data = (features & EXTERNAL_DATA_FILE) === 0n ? [] : ['an external data file'];
  return {
    virtualBytes: Number(header.readBigUInt64BE(24)),
    references: [...backing, ...data],
  };
}

async function head(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
