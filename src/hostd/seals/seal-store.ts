import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { desiredSealSchema } from '../../host/layer-schemas.ts';
import type { DesiredSeal, SealStatus } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import { makeDirectory } from '../files/durable-files.ts';
import { validator } from '../validate.ts';
import { Seal, type SealOptions } from './seal.ts';
import { SEAL_DELETING_SUFFIX, SealFolder } from './seal-folder.ts';

export type SealStoreOptions = Omit<SealOptions, 'onChange'> & {
  readonly directory: string;
  readonly onChange: (status: SealStatus) => void;
  readonly onGone: (uuid: string) => void;
  /** Layers that a seal holds from now on, or no longer. */
  readonly onHoldersChanged: (identities: readonly string[]) => void;
  readonly log: Logger;
};

/** The appliances' disks that this host makes layers of, each for a Template, by the Template's uid (ADR 63). */
export class SealStore {
  readonly #seals = new Map<string, Seal>();
  readonly #options: SealStoreOptions;
  readonly #validate = validator<DesiredSeal>(desiredSealSchema);
  /** Of one seal, one thing is done at a time. */
  readonly #turns = new KeyedMutex();

  constructor(options: SealStoreOptions) {
    this.#options = options;
  }

  /** Reads the seals that are in the directory; nothing runs before `start`. */
  async open(): Promise<void> {
    const { directory, log } = this.#options;
    await makeDirectory(directory);
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      if (name.endsWith(SEAL_DELETING_SUFFIX)) await rm(path, { recursive: true, force: true });
      else {
        // Nothing is removed: the next PUT repairs the seal.
        const ignore = (error: unknown) =>
          log.warn({ path, err: error }, 'ignored: its files cannot be read');
        await this.#adopt(name).catch(ignore);
      }
    }
  }

  /** Goes on with what was interrupted. Appliances and layers must be known already. */
  start(): void {
    for (const seal of this.#seals.values()) seal.start();
  }

  /** Makes the layers, unless it did. Idempotent. @throws HostError Immutable for others than before */
  put(uuid: string, desired: DesiredSeal): Promise<SealStatus> {
    return this.#turns.run(uuid, async () => {
      const known = this.#seals.get(uuid);
      if (known !== undefined) {
        if (!isDeepStrictEqual(known.desired, desired)) throw hostErrors.sealOfOther(uuid);
        return known.status();
      }
      const folder = new SealFolder(this.#options.directory, uuid);
      // Written before it counts, because the write may fail (the disk is full).
      await folder.writeDesired(desired);
      const made = await this.#add(folder, desired);
      made.start();
      return made.status();
    });
  }

  list(): readonly SealStatus[] {
    return [...this.#seals.values()].map((seal) => seal.status());
  }

  /** The uuids of the seals that still need a layer. */
  holders(identity: string): readonly string[] {
    return [...this.#seals.values()]
      .filter(({ parents }) => parents.includes(identity))
      .map(({ folder }) => `seal ${folder.uuid}`);
  }

  /** Forgets a seal, and what it captured. The layer that it became stays. @throws HostError NotFound */
  delete(uuid: string): Promise<void> {
    return this.#turns.run(uuid, async () => {
      const seal = this.#seals.get(uuid);
      if (seal === undefined) throw hostErrors.noSuchSeal(uuid);
      await seal.stop();
      await this.#abandon(seal);
      await seal.folder.remove();
      this.#seals.delete(uuid);
      this.#options.onGone(uuid);
      this.#options.onHoldersChanged(seal.parents);
    });
  }

  /** Forgets the seals that became this layer, which is gone. */
  async layerGone(identity: string): Promise<void> {
    const became = [...this.#seals.values()].filter(({ layers }) => layers.includes(identity));
    await Promise.all(became.map(({ folder }) => this.delete(folder.uuid)));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#seals.values()].map((seal) => seal.stop()));
  }

  /** The hypervisor may still be copying, and the guest's file systems be at rest. */
  async #abandon({ desired, folder }: Seal): Promise<void> {
    if (desired.kind !== 'appliance') return;
    const { driver, applianceOf } = this.#options;
    const appliance = applianceOf(desired.appliance);
    if (driver.captures === undefined || appliance === undefined) return;
    const { path: directory } = appliance.directory;
    const vm = await driver.inspect(desired.appliance, directory);
    if (vm?.state !== 'Running') return;
    await driver.captures.abandon({ uuid: desired.appliance, directory }, Object.values(folder.targets));
  }

  async #adopt(uuid: string): Promise<void> {
    const folder = new SealFolder(this.#options.directory, uuid);
    await this.#add(folder, this.#validate(await folder.readDesired()));
  }

  async #add(folder: SealFolder, desired: DesiredSeal): Promise<Seal> {
    const { onChange, onHoldersChanged } = this.#options;
    let held: readonly string[] = [];
    const seal = new Seal(folder, desired, {
      ...this.#options,
      onChange: (changed) => {
        onChange(changed.status());
        const { parents } = changed;
        if (isDeepStrictEqual(held, parents)) return;
        onHoldersChanged([...held, ...parents]);
        held = parents;
      },
    });
    await seal.load();
    this.#seals.set(folder.uuid, seal);
    return seal;
  }
}
