import type { GuestAction } from '../../../domain/services/types.ts';
import type { BridgedNetwork } from '../network.ts';

/** Which machine a clone becomes. */
export type CloneIdentity = {
  /** In lower case. */
  readonly uuid: string;
  /** The machine whose memory it has: which the guest says it is, until it has its own identity. MAC addresses in lower case. */
  readonly from: { readonly uuid: string; readonly mac: string };
  readonly hostname: string;
  readonly mac: string;
  /** With user networking the guest keeps its addresses, or asks for them by DHCP. */
  readonly network: { readonly mode: 'user' } | BridgedNetwork;
  readonly onClone: OnClone;
};

/** What is done about the processes of services, which have drawn random numbers and read what they are. */
export type OnClone =
  /** They end before, and start after. `stop` and `start` are of services that Coppice itself watches. */
  | {
      readonly kind: 'Restart';
      readonly stop: readonly GuestAction[];
      readonly start: readonly GuestAction[];
    }
  /** They run on, and the guest's programs in `/etc/coppice/on-clone.d` run after. */
  | { readonly kind: 'Hook' };
