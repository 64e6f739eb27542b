import { chmod, link, readFile, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Firmware } from '../../domain/firmware.ts';
import type { LayerKind } from '../../host/protocol.ts';
import { codeOf } from '../errors/index.ts';
import {
  allocatedBytes,
  makeDirectory,
  PARTIAL_SUFFIX,
  readJsonIfThere,
  removeDirectory,
  syncDirectory,
  syncFile,
  writeDurably,
  writeJsonDurably,
} from '../files/durable-files.ts';
import { ifThere } from '../files/if-there.ts';
import type { LayerShape } from './content/identity.ts';
import { Manifest } from './content/manifest.ts';

/** The content of a sealed layer's `record.json`. */
export type LayerRecord = LayerShape & {
  readonly version: 2;
  readonly identity: string;
  /** Of the file; while both stay, nobody touched it. */
  readonly bytes: number;
  readonly modifiedMs: number;
  /** What it takes on the disk: holes take nothing. Absent where an earlier version placed it. */
  readonly allocatedBytes?: number;
  /** Of a disk: whether firmware finds something to boot on it, and which; and what is on it, for people. */
  readonly bootable?: boolean;
  readonly firmware?: readonly Firmware[];
  readonly content?: string;
  /** Of a disk: its size as the driver says it, which is not that of the content where files of disks are of the driver's own kind. */
  readonly diskBytes?: number;
};

const READ_ONLY = 0o444;
/** Memory is read by programs that ran: it has their secrets. QEMU before 8.2 must be able to open it for writing, and never writes. */
const MEMORY_MODE = 0o600;
export const LAYER_DELETING_SUFFIX = '.deleting';

/** `<state>/layers/<identity>/`: a layer's file, what its chunks are, and its record. It is there whole or not at all. */
export class LayerFolder {
  readonly identity: string;
  readonly path: string;
  readonly #root: string;

  constructor(root: string, identity: string) {
    this.#root = root;
    this.identity = identity;
    this.path = join(root, identity);
  }

  filePath(kind: LayerKind): string {
    return join(this.path, fileName(kind));
  }

  /** Undefined when the layer is not here. */
  async readRecord(): Promise<LayerRecord | undefined> {
    const record = await readJsonIfThere(join(this.path, 'record.json'));
    return isRecordOf(record, this.identity) ? record : undefined;
  }

  async readManifest(): Promise<Manifest> {
    return Manifest.decode(await readFile(join(this.path, 'manifest')), `layer ${this.identity}`);
  }

  /**
   * Makes a finished file a layer. The file keeps its old name as well, for the caller to remove: killed at any moment, it is still
   * there under at least one of both. Nothing happens if the layer is here already.
   */
  async place(file: string, shape: LayerShape, facts: LayerFacts, manifest: Manifest): Promise<LayerRecord> {
    const known = await this.readRecord();
    if (known !== undefined) return known;
    const partial = `${this.path}${PARTIAL_SUFFIX}`;
    await rm(partial, { recursive: true, force: true });
    await makeDirectory(partial);
    await chmod(file, shape.kind === 'memory' ? MEMORY_MODE : READ_ONLY);
    await syncFile(file);
    const { size, mtimeMs } = await stat(file);
    const found = { ...facts, bytes: size, modifiedMs: mtimeMs, allocatedBytes: await allocatedBytes(file) };
    const record: LayerRecord = { version: 2, identity: this.identity, ...shape, ...found };
    await link(file, join(partial, fileName(shape.kind)));
    await writeDurably(join(partial, 'manifest'), manifest.encode());
    await writeJsonDurably(join(partial, 'record.json'), record);
    await rename(partial, this.path);
    await syncDirectory(this.#root);
    return record;
  }

  /** The file elsewhere that is the layer's file; undefined when it is here. */
  async linkedFile(kind: LayerKind): Promise<string | undefined> {
    try {
      return await readlink(this.filePath(kind));
    } catch (error) {
      if (['EINVAL', 'ENOENT'].includes(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  /**
   * Makes a file in another folder the file of a layer here, which it stays: it is not copied. Nothing happens if the layer is here
   * already.
   */
  async placeLink(folder: string, record: LayerRecord, manifest: Manifest): Promise<LayerRecord> {
    const known = await this.readRecord();
    if (known !== undefined) return known;
    const partial = `${this.path}${PARTIAL_SUFFIX}`;
    await rm(partial, { recursive: true, force: true });
    await makeDirectory(partial);
    const name = fileName(record.kind);
    await symlink(join(folder, name), join(partial, name));
    await writeDurably(join(partial, 'manifest'), manifest.encode());
    await writeJsonDurably(join(partial, 'record.json'), record);
    await rename(partial, this.path);
    await syncDirectory(this.#root);
    return record;
  }

  /**
   * Has the layer's file elsewhere from now on. Who has the old one open keeps it. Killed before the record is written, the layer is
   * there, and its file is read once at the next start.
   */
  async link(folder: string, record: LayerRecord): Promise<void> {
    const name = fileName(record.kind);
    const partial = join(this.path, `${name}${PARTIAL_SUFFIX}`);
    await rm(partial, { force: true });
    await symlink(join(folder, name), partial);
    await rename(partial, join(this.path, name));
    await this.write(record);
  }

  async write(record: LayerRecord): Promise<void> {
    await writeJsonDurably(join(this.path, 'record.json'), record);
  }

  /** The record with the file's size and time of change of now. */
  async renewed(record: LayerRecord): Promise<LayerRecord> {
    const { size: bytes, mtimeMs: modifiedMs } = await stat(this.filePath(record.kind));
    return { ...record, bytes, modifiedMs };
  }

  /** Whether nobody touched the file, by its size and time of change. */
  async isUntouched({ kind, bytes, modifiedMs }: LayerRecord): Promise<boolean> {
    const found = await ifThere(stat(this.filePath(kind)));
    return found !== undefined && found.size === bytes && found.mtimeMs === modifiedMs;
  }

  async remove(): Promise<void> {
    await removeDirectory(this.path, LAYER_DELETING_SUFFIX);
  }
}

export type LayerFacts = Pick<LayerRecord, 'bootable' | 'firmware' | 'content' | 'diskBytes'>;

/** The name of a layer's file in its folder. */
export function fileName(kind: LayerKind): string {
  return kind === 'disk' ? 'disk.qcow2' : 'blob';
}

export function isRecordOf(value: unknown, identity: string): value is LayerRecord {
  const record = value as LayerRecord | undefined;
  return record?.version === 2 && record.identity === identity && typeof record.virtualBytes === 'number';
}
