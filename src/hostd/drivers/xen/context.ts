import type { Logger } from 'pino';
import type { Clock } from '../../../base/clock.ts';
import type { HostNetwork } from '../../network/links.ts';
import type { BootTime } from '../common/boot-time.ts';
import type { DomainSurroundings } from './configuration.ts';
import type { ConsoleLogs } from './console/console.ts';
import type { ChannelSockets } from './console/sockets.ts';
import type { Toolstack } from './xl/toolstack.ts';

/** What the parts of the driver share. */
export type XenContext = {
  readonly clock: Clock;
  readonly bootTime: () => BootTime;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly toolstack: Toolstack;
  readonly network: HostNetwork;
  readonly sockets: ChannelSockets;
  /** Path of the lock held while a domain is made. All daemons of the host share it, whatever their state directories. */
  readonly creationLock: string;
  readonly consoles: ConsoleLogs;
  readonly grub: DomainSurroundings['grub'];
  /** Path of xl's own settings. */
  readonly xlConfiguration: string;
  /** Counts one of libxl's time-outs. */
  readonly onTimeout: () => void;
};
