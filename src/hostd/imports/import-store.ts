import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { desiredImportSchema } from '../../host/layer-schemas.ts';
import type { DesiredImport, ImportKey, ImportStatus } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import { makeDirectory, removeInterrupted } from '../files/durable-files.ts';
import type { FetchOptions } from '../layers/fetch-options.ts';
import { FetchSlots } from '../layers/fetch-slots.ts';
import { validator } from '../validate.ts';
import { Import } from './import.ts';
import { IMPORT_DELETING_SUFFIX, ImportFolder, type SealLayer } from './import-folder.ts';

const CONCURRENT_FETCHES = 4;
/** Sources that drip cost a connection each, and no more. */
const SLOW_FETCHES = 32;
const FOLDER = /^([0-9a-f]{64})\.(?:disk|boot)\.[-a-z0-9]+$/;

export type ImportStoreOptions = FetchOptions & {
  readonly directory: string;
  /** Makes a finished file a layer of this host. */
  readonly seal: SealLayer;
  /** Whether the layer is on this host. */
  readonly hasLayer: (identity: string) => boolean;
  readonly onChange: (status: ImportStatus) => void;
  readonly onGone: (key: ImportKey) => void;
  readonly log: Logger;
};

/** The files that this host fetches, or fetched, from where Templates say, and the layers that they became. */
export class ImportStore {
  /** By `keyOf`. */
  readonly #imports = new Map<string, Import>();
  readonly #options: ImportStoreOptions;
  readonly #slots = new FetchSlots({ slots: CONCURRENT_FETCHES, beside: SLOW_FETCHES });
  readonly #validate = validator<DesiredImport>(desiredImportSchema);
  readonly #deleting = new Map<string, Promise<void>>();
  /** PUTs of one import run one after the other, so that the last one determines what is on disk. */
  readonly #puts = new KeyedMutex();

  constructor(options: ImportStoreOptions) {
    this.#options = options;
  }

  /** Reads the imports that are in the directory, and continues those that were interrupted. The layers must be known already. */
  async open(): Promise<void> {
    const { directory, log } = this.#options;
    await makeDirectory(directory);
    for (const name of await readdir(directory)) {
      if (name.endsWith(IMPORT_DELETING_SUFFIX)) {
        await rm(join(directory, name), { recursive: true, force: true });
        continue;
      }
      const sha256 = FOLDER.exec(name)?.[1];
      if (sha256 !== undefined) await this.#adopt(sha256, name);
      else log.warn({ path: join(directory, name) }, 'ignored: its name is not that of an import');
    }
  }

  /** Fetches this file, unless its layer is here. Idempotent: all callers share one fetch. */
  put(sha256: string, desired: DesiredImport): Promise<ImportStatus> {
    const key = importKey(sha256, desired);
    return this.#puts.run(keyOf(key), () => this.#put(key, desired));
  }

  async #put(key: ImportKey, desired: DesiredImport): Promise<ImportStatus> {
    await this.#deleting.get(keyOf(key));
    const known = this.#imports.get(keyOf(key));
    if (known === undefined) {
      const folder = new ImportFolder(this.#options.directory, key.sha256, folderName(key));
      // Written before it counts as stored, because the write may fail (the disk is full).
      await folder.writeSource(desired);
      const made = this.#add(folder, desired);
      made.start();
      return made.status();
    }
    if (!isDeepStrictEqual(known.desired, desired)) {
      await known.folder.writeSource(desired);
      known.change(desired);
      this.#options.onChange(known.status());
    }
    return known.status();
  }

  list(): readonly ImportStatus[] {
    return [...this.#imports.values()].map((one) => one.status());
  }

  /** Forgets an import and what it fetched so far. The layer that it became stays. */
  async delete(key: ImportKey): Promise<void> {
    const found = this.#imports.get(keyOf(key));
    if (found === undefined) throw hostErrors.noSuchImport(key.sha256);
    const removal = this.#deleting.get(keyOf(key)) ?? this.#remove(found);
    this.#deleting.set(keyOf(key), removal);
    try {
      await removal;
    } finally {
      this.#deleting.delete(keyOf(key));
    }
  }

  /** Forgets the imports that became this layer, which is gone: who wants it again asks again. */
  async layerGone(identity: string): Promise<void> {
    const became = [...this.#imports.values()].filter((one) => one.identity === identity);
    await Promise.all(became.map((one) => this.delete(one.key)));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#imports.values()].map((one) => one.stop()));
  }

  async #adopt(sha256: string, name: string): Promise<void> {
    const { directory, log } = this.#options;
    const folder = new ImportFolder(directory, sha256, name);
    try {
      await removeInterrupted(folder.path, '.');
      const desired = this.#validate(await folder.readSource());
      const one = this.#add(folder, desired);
      await one.look();
      one.start();
    } catch (error) {
      // Nothing is removed: the next PUT repairs the import.
      log.warn({ path: folder.path, err: error }, 'ignored: the import has no readable source.json');
    }
  }

  #add(folder: ImportFolder, desired: DesiredImport): Import {
    const made: Import = new Import(folder, desired, {
      ...this.#options,
      slots: this.#slots,
      onChange: (changed) => this.#options.onChange(changed.status()),
    });
    this.#imports.set(keyOf(made.key), made);
    return made;
  }

  async #remove(one: Import): Promise<void> {
    await one.stop();
    await one.folder.remove();
    this.#imports.delete(keyOf(one.key));
    this.#options.onGone(one.key);
  }
}

/** The namespace is that of the Templates that name the file. */
function importKey(sha256: string, { kind, template }: DesiredImport): ImportKey {
  return { sha256, kind, namespace: template.split('/', 1)[0] ?? '' };
}

function keyOf({ sha256, kind, namespace }: ImportKey): string {
  return `${namespace}/${kind}/${sha256}`;
}

function folderName({ sha256, kind, namespace }: ImportKey): string {
  return `${sha256}.${kind}.${namespace}`;
}
