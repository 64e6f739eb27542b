import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '../../../src/base/clock.ts';
import type { DesiredImport, ImportStatus, LayerKind } from '../../../src/host/protocol.ts';
import { ImportStore, type ImportStoreOptions } from '../../../src/hostd/imports/import-store.ts';
import type { LayerStore } from '../../../src/hostd/layers/store.ts';
import { layerStoreIn } from './layer-stores.ts';

type StoresOptions = Pick<ImportStoreOptions, 'images'> &
  Partial<Pick<ImportStoreOptions, 'slowLook' | 'minimumRate' | 'onChange'>>;

/** The imports and the layers of a host. */
export class Stores {
  readonly layers: LayerStore;
  readonly imports: ImportStore;

  constructor(directory: string, { onChange = () => undefined, ...options }: StoresOptions) {
    const { images } = options;
    const log = pino({ level: 'silent' });
    this.layers = layerStoreIn(directory, images, {
      onGone: (identity) => this.imports.layerGone(identity),
    });
    this.imports = new ImportStore({
      directory: join(directory, 'imports'),
      clock: systemClock,
      random: Math.random,
      backoff: { initialMs: 10, maxMs: 50 },
      reserveBytes: 0,
      fileRoots: [directory, dirname(directory)],
      takeUpload: async () => undefined,
      ...options,
      seal: (file, facts, signal) => this.layers.seal(file, facts, signal),
      hasLayer: (identity) => this.layers.has(identity),
      onChange,
      onGone: () => undefined,
      log,
    });
  }

  async open(): Promise<void> {
    await this.layers.open();
    await this.imports.open();
  }

  put(sha: string, desired: DesiredImport): Promise<ImportStatus> {
    return this.imports.put(sha, desired);
  }

  list(): readonly ImportStatus[] {
    return this.imports.list();
  }

  get(sha: string, kind?: LayerKind): ImportStatus | undefined {
    return this.list().find((one) => one.sha256 === sha && (kind ?? one.kind) === one.kind);
  }

  /** The file that an import became. */
  readyPath(sha: string, kind?: LayerKind): string | undefined {
    return this.layers.readyPath(this.get(sha, kind)?.identity ?? '');
  }

  async delete(sha: string, kind?: LayerKind): Promise<void> {
    const found = this.get(sha, kind);
    if (found !== undefined) await this.imports.delete(found);
  }

  close(): Promise<void> {
    return this.imports.close();
  }
}

/** The folder of an import. */
export function folderOf(directory: string, sha: string, kind: LayerKind = 'boot'): string {
  return join(directory, 'imports', `${sha}.${kind}.default`);
}
