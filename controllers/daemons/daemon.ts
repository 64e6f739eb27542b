import type { HostClient } from '../../src/host/client.ts';

/** What controllers ask of a host's daemon. */
export type Daemon = Pick<
  HostClient,
  | 'getHost'
  | 'listAppliances'
  | 'putAppliance'
  | 'deleteAppliance'
  | 'putLayer'
  | 'deleteLayer'
  | 'events'
  | 'close'
>;
