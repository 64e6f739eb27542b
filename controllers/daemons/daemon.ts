import type { HostClient } from '../../src/host/client.ts';

/** The calls of a host's daemon that controllers use. */
export type Daemon = Pick<
  HostClient,
  | 'getHost'
  | 'listAppliances'
  | 'putAppliance'
  | 'deleteAppliance'
  | 'putImport'
  | 'deleteImport'
  | 'putLayer'
  | 'deleteLayer'
  | 'verifyLayer'
  | 'putSeal'
  | 'deleteSeal'
  | 'events'
  | 'close'
>;
