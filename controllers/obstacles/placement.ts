import { REASON } from './reasons.ts';

/** The longest message of `status.placement`, in characters (crds/virtualappliances.yaml). */
const LONGEST_MESSAGE = 4096;

/** Why an appliance has no host, and why it has the one it has. */
export const placementMessages = {
  /** @param summary what placement says about all hosts */
  refused: (summary: string, reason: 'NoHosts' | 'NoHostFits') => ({
    reason: REASON[reason],
    message: `${summary}; it is placed as soon as a host has room`.slice(0, LONGEST_MESSAGE),
  }),
  /** @param summary as above */
  lacksPort: (summary: string) => ({
    reason: REASON.PortInUse,
    message:
      `${summary}; it is placed as soon as a host has the port: free it, add a host, or choose another hostPort, or none`.slice(
        0,
        LONGEST_MESSAGE,
      ),
  }),
  /** @param answer what the API server said */
  bindingRefused: (host: string, answer: string) => ({
    reason: REASON.Refused,
    message: `the API server refused to bind it to host ${host}, which is tried again: ${answer}`.slice(
      0,
      LONGEST_MESSAGE,
    ),
  }),
  /** Instead of a reason per host, which would take too long for a large batch. */
  chosenInLargeBatch: (host: string): string =>
    `${host} comes first by free memory, then free CPU, then name, of the hosts that qualified; ` +
    'too many were placed at once to say why for each host',
};
