import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DesiredAppliance } from '../../host/protocol.ts';
import { desiredApplianceSchema } from '../../host/schemas.ts';
import { codeOf, hostErrors, toHostError } from '../errors/index.ts';
import { readJsonIfThere, removeDirectory, syncDirectory, writeJsonDurably } from '../files/durable-files.ts';
import { validator } from '../validate.ts';
import { type ApplianceRecord, emptyRecord, recordValidator } from './record.ts';

/** The name of a directory that is being filled, or removed, is its uuid with one of these behind it. */
export const NEW_SUFFIX = '.new';
export const DELETING_SUFFIX = '.deleting';

const DESIRED = 'desired.json';
const RECORD = 'record.json';
const DELETION = 'deletion.json';

/** Reads and writes `<state>/appliances/<uuid>/`: the desired state, the record, and the request to delete it. */
export class ApplianceDirectory {
  readonly uuid: string;
  readonly path: string;
  readonly #validateDesired: (value: unknown) => DesiredAppliance;
  readonly #validateRecord: (value: unknown) => ApplianceRecord;

  constructor(root: string, uuid: string, validators: StateValidators) {
    this.uuid = uuid;
    this.path = join(root, uuid);
    this.#validateDesired = validators.desired;
    this.#validateRecord = validators.record;
  }

  get diskPath(): string {
    return join(this.path, 'disk.qcow2');
  }

  get dataDiskPath(): string {
    return join(this.path, 'data.qcow2');
  }

  /** What the steps of a build print. */
  get buildLogPath(): string {
    return join(this.path, 'build.log');
  }

  /** Makes the directory with its desired state in it, whole or not at all. Does nothing when it is there. */
  async create(desired: DesiredAppliance): Promise<void> {
    const fresh = this.path + NEW_SUFFIX;
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await writeJsonDurably(join(fresh, DESIRED), desired);
    try {
      await rename(fresh, this.path);
    } catch (error) {
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
      await rm(fresh, { recursive: true, force: true });
      await this.writeDesired(desired);
    }
    await syncDirectory(dirname(this.path));
  }

  writeDesired(desired: DesiredAppliance): Promise<void> {
    return writeJsonDurably(join(this.path, DESIRED), desired);
  }

  /** Rejects with `RecordUnreadable` when it is corrupt, with `RecordMissing` when there is none. */
  async readDesired(): Promise<DesiredAppliance> {
    const desired = await this.#read(DESIRED, this.#validateDesired);
    if (desired === undefined) throw hostErrors.desiredMissing(this.path);
    return desired;
  }

  writeRecord(record: ApplianceRecord): Promise<void> {
    return writeJsonDurably(join(this.path, RECORD), record);
  }

  /** The record, a fresh one when there is none yet. Rejects with `RecordUnreadable` when it is corrupt. */
  async readRecord(): Promise<ApplianceRecord> {
    return (await this.#read(RECORD, this.#validateRecord)) ?? emptyRecord;
  }

  /**
   * Writes the request to delete the appliance to disk, before anything of it is removed. On a full disk nothing can be
   * written: there the file of the desired state is renamed to that of the request, because deleting makes space.
   */
  async requestDeletion(at: string): Promise<void> {
    try {
      await writeJsonDurably(join(this.path, DELETION), { requestedAt: at });
    } catch (error) {
      if (toHostError(error).reason !== 'DiskFull') throw error;
      await rename(join(this.path, DESIRED), join(this.path, DELETION));
      await syncDirectory(this.path);
    }
  }

  /** Any deletion file counts, readable or not: it exists only because somebody requested the deletion. */
  async isDeletionRequested(): Promise<boolean> {
    try {
      return (await readJsonIfThere(join(this.path, DELETION))) !== undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return true;
      throw error;
    }
  }

  /** Removes the directory with all that is in it; once it is renamed it no longer counts as an appliance. */
  async remove(): Promise<void> {
    await removeDirectory(this.path, DELETING_SUFFIX);
  }

  async #read<T>(name: string, validate: (value: unknown) => T): Promise<T | undefined> {
    const path = join(this.path, name);
    try {
      const value = await readJsonIfThere(path);
      return value === undefined ? undefined : validate(value);
    } catch (error) {
      throw hostErrors.recordUnreadable(path, error);
    }
  }
}

export type StateValidators = {
  readonly desired: (value: unknown) => DesiredAppliance;
  readonly record: (value: unknown) => ApplianceRecord;
};

export function createStateValidators(): StateValidators {
  return {
    desired: validator<DesiredAppliance>(desiredApplianceSchema),
    record: recordValidator(),
  };
}
