import type { Logger } from 'pino';
import type { BackoffPolicy } from '../../base/backoff.ts';
import type { Clock, Random } from '../../base/clock.ts';
import type { Credentials } from '../../host/connector.ts';
import type { DiskFormat } from './transfer/unfinished-file.ts';

/** What fetching layers from other hosts needs. */
export type ReceiveOptions = {
  /** Folder of unfinished layers, on the file system of the finished ones. */
  readonly directory: string;
  readonly diskFormat: DiskFormat;
  /** The daemon's own certificate and key of this moment, and the authority of the hosts. */
  readonly credentials: () => Credentials;
  /** Rejects with DiskFull when there is no space for so many bytes of the layer. */
  readonly ensureRoom: (identity: string, missingBytes: number) => Promise<unknown>;
  readonly backoff: BackoffPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
};
