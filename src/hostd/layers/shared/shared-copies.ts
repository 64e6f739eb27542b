import { randomUUID } from 'node:crypto';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Logger } from 'pino';
import { codeOf, messageOf } from '../../errors/index.ts';
import {
  makeDirectory,
  readJsonIfThere,
  syncDirectory,
  syncFile,
  writeDurably,
  writeJsonDurably,
} from '../../files/durable-files.ts';
import { fileExists, ifThere } from '../../files/if-there.ts';
import { identityOf } from '../content/identity.ts';
import { Manifest } from '../content/manifest.ts';
import type { Content } from '../content/scan.ts';
import { fileName, isRecordOf, type LayerFacts, type LayerRecord } from '../layer-folder.ts';
import { Qcow2Reader } from '../qcow2/reader.ts';
import type { OpenDisk } from '../sealing.ts';
import type { KnownLayer } from '../transfer/unfinished-file.ts';
import type { SharedDirectory } from './shared-directory.ts';

/** A layer in the shared directory that this host may use until it releases it. */
export type SharedCopy = {
  /** Its folder, which has a file of the name `fileName(kind)`, and the manifest. */
  readonly path: string;
  /** With the file's size and time of change as this host sees them. */
  readonly record: LayerRecord;
  readonly manifest: Manifest;
};

const READ_ONLY = 0o444;

/**
 * The layers in a shared directory: `layers/<identity>/<uuid>/` has a layer's file, manifest and record, and in `hosts/` an empty file for
 * each host that uses it. A host uses it as long as that file is there. Who can remove `hosts/`, which only works while it is empty and
 * then lets nobody in, removes the rest; since the name of such a folder is never used again, nobody can mean another one by it.
 */
export class SharedCopies {
  readonly #directory: SharedDirectory;
  readonly #openDisk: OpenDisk;
  readonly #log: Logger;

  constructor(directory: SharedDirectory, openDisk: OpenDisk, log: Logger) {
    this.#directory = directory;
    this.#openDisk = openDisk;
    this.#log = log;
  }

  /** Folder of the layers that this host is writing. */
  get unfinished(): string {
    return join(this.#directory.path, 'unfinished', this.#directory.member);
  }

  /**
   * A copy that this host uses from now on; undefined when there is none, or none that is what the identity says. Whether its manifest is the
   * layer's is proved; of the file, only its size and tables are looked at.
   */
  async claim(identity: string): Promise<SharedCopy | undefined> {
    await this.#directory.confirm();
    for (const path of await this.#copiesOf(identity)) {
      if (!(await this.#enter(path))) continue;
      try {
        return { path, ...(await this.#read(path, identity)) };
      } catch (error) {
        this.#log.warn({ path, problem: messageOf(error) }, 'a layer in the shared directory is not used');
        await this.#leave(path);
      }
    }
    return undefined;
  }

  /** Makes a finished file a copy that this host uses. The file is moved. @param folder of the file, and for what is put beside it */
  async place(file: string, folder: string, known: KnownLayer, facts: LayerFacts): Promise<SharedCopy> {
    await this.#directory.confirm();
    const { shape, manifest } = known;
    const identity = identityOf(shape, manifest);
    const whole = join(folder, 'whole');
    await rm(whole, { recursive: true, force: true });
    await makeDirectory(join(whole, 'hosts'));
    await writeFile(this.#markIn(whole), '');
    await writeDurably(join(whole, 'manifest'), manifest.encode());
    await chmod(file, READ_ONLY);
    await syncFile(file);
    const { size: bytes, mtimeMs: modifiedMs } = await stat(file);
    const record: LayerRecord = { version: 2, identity, ...shape, ...facts, bytes, modifiedMs };
    await writeJsonDurably(join(whole, 'record.json'), record);
    await rename(file, join(whole, fileName(shape.kind)));
    await syncDirectory(join(whole, 'hosts'));
    await syncDirectory(whole);
    return { path: await this.#publish(whole, identity), record, manifest };
  }

  /**
   * This host no longer uses the layer, or no other copy of it than one. What no host uses is removed, and what a crash left of that.
   * @param kept the name of the folder of the copy that it uses
   */
  async release(identity: string, kept?: string): Promise<void> {
    await this.#directory.confirm();
    for (const path of await this.#copiesOf(identity)) if (basename(path) !== kept) await this.#leave(path);
    await removeIfEmpty(this.#layerPath(identity));
  }

  /** Every layer that has copies, of whichever host. */
  async identities(): Promise<readonly string[]> {
    await this.#directory.confirm();
    return (await ifThere(readdir(this.#layersPath))) ?? [];
  }

  get #layersPath(): string {
    return join(this.#directory.path, 'layers');
  }

  #layerPath(identity: string): string {
    return join(this.#layersPath, identity);
  }

  async #copiesOf(identity: string): Promise<string[]> {
    const names = (await ifThere(readdir(this.#layerPath(identity)))) ?? [];
    return names.sort().map((name) => join(this.#layerPath(identity), name));
  }

  #markIn(path: string): string {
    return join(path, 'hosts', this.#directory.member);
  }

  /** @returns whether this host uses it now: one that is being removed lets nobody in */
  async #enter(path: string): Promise<boolean> {
    const isIn = (await ifThere(writeFile(this.#markIn(path), '').then(() => true))) ?? false;
    if (isIn) await syncDirectory(join(path, 'hosts'));
    return isIn;
  }

  async #leave(path: string): Promise<void> {
    await ifThere(unlink(this.#markIn(path)));
    if (!(await removeIfEmpty(join(path, 'hosts')))) return;
    // What a transfer of this host still reads stays on NFS until that ends: the next start removes it.
    await rm(path, { recursive: true, force: true }).catch((error: unknown) =>
      this.#log.warn({ path, problem: messageOf(error) }, 'a layer that no host uses is not removed yet'),
    );
  }

  /** @throws Error, HostError when it is not what the identity says */
  async #read(path: string, identity: string): Promise<Pick<SharedCopy, 'record' | 'manifest'>> {
    const record = await readJsonIfThere(join(path, 'record.json'));
    if (!isRecordOf(record, identity)) throw new Error('it has no record of this layer');
    const manifest = Manifest.decode(await readFile(join(path, 'manifest')), `layer ${identity}`);
    if (identityOf(record, manifest) !== identity) throw new Error('its manifest is that of another layer');
    const file = join(path, fileName(record.kind));
    const { size, mtimeMs } = await stat(file);
    if (size !== record.bytes) throw new Error(`its file has ${size} bytes, and not ${record.bytes}`);
    if (record.kind === 'disk') await this.#checkDisk(file, record);
    return { record: { ...record, modifiedMs: mtimeMs }, manifest };
  }

  /** Programs follow a disk's name of what it stands on: it must name the layer beside it in the store of each host. */
  async #checkDisk(file: string, { virtualBytes, parent }: LayerRecord): Promise<void> {
    const content: Content = await this.#openDisk(file);
    await content.close();
    if (content.virtualBytes !== virtualBytes) throw new Error('its disk has another size');
    if (content instanceof Qcow2Reader && content.header.backing !== backingOf(parent))
      throw new Error('its file names another one as what it stands on');
  }

  async #publish(whole: string, identity: string): Promise<string> {
    const path = join(this.#layerPath(identity), randomUUID());
    for (;;) {
      await this.#directory.confirm();
      await makeIfMissing(this.#layerPath(identity));
      try {
        await rename(whole, path);
      } catch (error) {
        // Another host removed the last copy, and its folder with it.
        if (codeOf(error) === 'ENOENT' && (await fileExists(whole))) continue;
        throw error;
      }
      for (const each of [this.#layerPath(identity), this.#layersPath]) await syncDirectory(each);
      return path;
    }
  }
}

/** What the file of a disk names as what it stands on: from its place in the store of any host, the parent's file there. */
export function backingOf(parent: string | undefined): string | undefined {
  return parent === undefined ? undefined : `../${parent}/${fileName('disk')}`;
}

async function makeIfMissing(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** @returns whether it is gone */
async function removeIfEmpty(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(code)) return code === 'ENOENT';
    throw error;
  }
}
