import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** How many appliances a sentence names. */
const NAMED = 20;

/** What keeps a host from being ready, or from being deleted. */
export const hostObstacles = {
  connecting: (host: string): Obstacle =>
    waiting(REASON.Connecting, `the operator is connecting to the daemon of ${host}`),
  unreachable: (error: string): Obstacle => waiting(REASON.HostUnreachable, error),
  notListening: (error: string): Obstacle =>
    waiting(REASON.HostUnreachable, `${error}; check that its daemon runs and that spec.address is right`),
  nameMismatch: (wanted: string, actual: string): Obstacle =>
    waiting(
      REASON.NameMismatch,
      `the daemon at the address of ${wanted} says that it is ${actual}: correct spec.address, or the daemon's name`,
    ),
  certificateMismatch: (serverName: string): Obstacle =>
    waiting(
      REASON.CertificateMismatch,
      `the daemon's certificate is not for the name ${serverName}: issue one for this host`,
    ),
  /** @param code of the TLS error */
  certificateInvalid: (host: string, code: string): Obstacle =>
    waiting(
      REASON.CertificateInvalid,
      `the certificate of the daemon of ${host} is not trusted (${code}): issue one by the hosts' authority`,
    ),
  /** @param appliances by key */
  inUse: (appliances: readonly string[]): Obstacle =>
    waiting(
      REASON.InUse,
      `it is deleted when its ${appliances.length} appliance(s) are: ${appliances.slice(0, 10).join(', ')}; delete them first`,
    ),
  /** The daemon finds fault with a request: the spec that it follows from must change. */
  requestRefused: (reason: string, message: string, field: string | undefined): Obstacle =>
    stalled(reason, `the host refuses it: ${message}${field === undefined ? '' : ` (at ${field})`}`),
  daemonTooOld: (host: string, version: string): Explanation => ({
    reason: REASON.DaemonTooOld,
    message: `the daemon of host ${host} (${version}) is too old for this operator: install the version that the operator has`,
  }),
  /** The host gave up fetching a layer, or cannot use it: the template must change, or the host. */
  layerFailed: (reason: string, message: string): Obstacle => stalled(reason, message),
  /** The daemon answers, and something on the host is in the way: it is tried again. */
  daemonProblem: (reason: string, message: string): Obstacle => waiting(reason, message),
};

/** What a host without an obstacle says. */
export const hostStates = {
  /** @param problems that people should know, and that keep no appliance away */
  ready: (host: string, problems: readonly Explanation[]): Explanation => ({
    reason: problems[0]?.reason ?? REASON.HostReady,
    message: [`the daemon of ${host} answers`, ...problems.map(({ message }) => message)].join('; '),
  }),
  /** @param size of their files, such as `1.2Gi` */
  layersRemoved: (layers: number, size: string): Explanation => ({
    reason: REASON.LayersRemoved,
    message: `${layers} layer(s) that nothing needs here were removed, which gives ${size} of disk space back`,
  }),
  allClaimed: (): Explanation => ({
    reason: REASON.AllClaimed,
    message: 'every appliance of the daemon belongs to a VirtualAppliance',
  }),
  /** @param appliances as namespace/name (uuid) */
  unclaimed: (host: string, appliances: readonly string[]): Explanation => ({
    reason: REASON.UnclaimedAppliances,
    message:
      `the daemon has ${appliances.length} appliance(s) for which there is no VirtualAppliance: ` +
      `${appliances.slice(0, NAMED).join(', ')}; nothing is done to them: see \`coppice host describe ${host}\`, and ` +
      `delete those that nobody needs with \`coppice host forget\``,
  }),
};
