import { constants } from 'node:fs';
import { chmod, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, readJsonIfThere, writeDurably, writeJsonDurably } from '../../files/durable-files.ts';
import { fileExists, ifThere } from '../../files/if-there.ts';
import { identityOf, type LayerShape } from '../content/identity.ts';
import { Manifest } from '../content/manifest.ts';
import { PresenceMap } from './presence-map.ts';
import { type DiskFormat, type KnownLayer, UnfinishedFile } from './unfinished-file.ts';

const WRITABLE = 0o600;

/**
 * `<directory>/<identity>/`: the file of a layer that is being received, its manifest and shape, and which of its chunks are there.
 * The map says of no chunk that it is there before the chunk is on disk for good; the last seconds before a crash may be missing in it.
 */
export class UnfinishedLayer {
  readonly identity: string;
  readonly path: string;

  constructor(directory: string, identity: string) {
    this.identity = identity;
    this.path = join(directory, identity);
  }

  get filePath(): string {
    return join(this.path, 'file');
  }

  /** What an earlier attempt found out; undefined when there is none, or what it left is not of this layer. */
  async readKnown(): Promise<KnownLayer | undefined> {
    const bytes = await ifThere(readFile(join(this.path, 'manifest')));
    if (bytes === undefined) return undefined;
    try {
      const shape = (await readJsonIfThere(join(this.path, 'shape.json'))) as LayerShape;
      const manifest = Manifest.decode(bytes, `layer ${this.identity}`);
      return identityOf(shape, manifest) === this.identity ? { shape, manifest } : undefined;
    } catch {
      // Damaged: it is fetched again.
      return undefined;
    }
  }

  /** Begins from nothing, whatever was there. */
  async begin({ shape, manifest }: KnownLayer): Promise<void> {
    await this.remove();
    await makeDirectory(this.path);
    await writeJsonDurably(join(this.path, 'shape.json'), shape);
    await writeDurably(join(this.path, 'manifest'), manifest.encode());
  }

  /**
   * Opens the file, laid out, with what an earlier attempt left in it.
   * @param backing absolute path of the parent's file
   */
  async open(known: KnownLayer, diskFormat: DiskFormat, backing?: string): Promise<UnfinishedFile> {
    const mapPath = join(this.path, 'present');
    const bits = await ifThere(readFile(mapPath));
    const { dataCount } = known.manifest;
    const present = bits && PresenceMap.decode(bits, this.identity, dataCount);
    if (present === undefined) await rm(this.filePath, { force: true });
    const isNew = !(await fileExists(this.filePath));
    // Sealing made it read-only, if the daemon was killed after that.
    await ifThere(chmod(this.filePath, WRITABLE));
    const file = new UnfinishedFile({
      handle: await open(this.filePath, constants.O_RDWR | constants.O_CREAT, WRITABLE),
      path: this.filePath,
      present: present ?? new PresenceMap(dataCount),
      known,
      diskFormat,
      isNew,
      saveMap: (map) => writeDurably(mapPath, map.encode(this.identity)),
      ...(backing === undefined ? {} : { backing }),
    });
    try {
      await file.layOut();
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
