import type { BackoffPolicy } from '../../base/backoff.ts';
import type { Clock, Random } from '../../base/clock.ts';
import type { ImportKey } from '../../host/protocol.ts';
import type { ImageTool } from '../drivers/driver.ts';
import type { RatePolicy } from './rate-watch.ts';

/** What fetching layers needs. */
export type FetchOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly images: ImageTool;
  readonly backoff: BackoffPolicy;
  /** For what a person must correct; default `SLOW_LOOK`. */
  readonly slowLook?: BackoffPolicy;
  /** Below it a source has no turn; default `MINIMUM_RATE`. */
  readonly minimumRate?: RatePolicy;
  /** Free bytes that a fetch must leave, because running VMs write to the same disk. */
  readonly reserveBytes: number;
  /** Folders of this host from which `file:` addresses may be read. */
  readonly fileRoots: readonly string[];
  /** Gives the file that a user pushed the name `path`; rejects with `UploadMissing`. */
  readonly takeUpload: (key: Pick<ImportKey, 'namespace' | 'sha256'>, path: string) => Promise<void>;
};
