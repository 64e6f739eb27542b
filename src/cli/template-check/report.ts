import type { Firmware } from '../../domain/firmware.ts';
import type { System } from '../../hostd/layers/image/system.ts';

/** One partition, or the whole disk where it has none. */
export type Volume = {
  /** Of a partition. */
  readonly number?: number;
  /** What its table says it is. */
  readonly type?: string;
  readonly startBytes: number;
  readonly bytes: number;
  /** What is on it, as far as that is known: `an ext4 file system`. */
  readonly fileSystem?: string;
};

/** What is on the disk of an image that can be used. */
export type DiskFacts = {
  readonly format: string;
  readonly virtualBytes: number;
  readonly partitionTable?: 'GPT' | 'MBR';
  readonly volumes: readonly Volume[];
  readonly firmware: readonly Firmware[];
  /** Undefined where nobody could look; `notLooked` says why. */
  readonly system?: System;
  readonly notLooked?: string;
};

/** Something that a person should know; with an error, no VM can be made of the file as it is. */
export type Note = {
  readonly level: 'error' | 'warning' | 'note';
  readonly reason: string;
  readonly message: string;
};

/** All about a file as a template, as `-o json` prints it. */
export type Report = {
  readonly file: string;
  readonly usable: boolean;
  readonly fileBytes: number;
  readonly sha256: string;
  /** Missing where the file is no usable image: the first note says why. */
  readonly disk?: DiskFacts;
  /** The file systems of a CD, which is used as such, and not as a disk: `ISO 9660 and UDF`. */
  readonly cd?: string;
  readonly notes: readonly Note[];
};
