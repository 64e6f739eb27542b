import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** What keeps a template that is made of an appliance from having its layer. Appliances are named as namespace/name. */
export const sealObstacles = {
  applianceGone: (appliance: string): Obstacle =>
    stalled(
      REASON.ApplianceGone,
      `appliance ${appliance} does not exist (any more), and no host made a layer of its disk: make a new template, of an appliance that ` +
        'exists',
    ),
  notPlaced: (appliance: string): Obstacle =>
    waiting(REASON.Sealing, `appliance ${appliance} has no host yet: its disk is sealed when it has one`),
  hostAway: (appliance: string, host: string): Obstacle =>
    waiting(
      REASON.HostUnreachable,
      `host ${host}, which has the disk of appliance ${appliance}, does not answer: the disk is sealed when it does`,
    ),
  tooOld: (host: string): Obstacle =>
    waiting(
      REASON.DaemonTooOld,
      `the daemon of host ${host} is of a release that makes no layers of appliances: upgrade it`,
    ),
  soon: (appliance: string, host: string): Obstacle =>
    waiting(REASON.Sealing, `host ${host} is asked to make a layer of the disk of appliance ${appliance}`),
  /** @param isCaptured whether the disk's content is safe, and is being read */
  running: (host: string, appliance: string, isCaptured: boolean, percent: number | undefined): Obstacle => {
    const work = isCaptured ? 'reads and names the content' : 'keeps the content';
    const progress = percent === undefined ? '' : ` (${percent} %)`;
    return waiting(REASON.Sealing, `host ${host} ${work} of the disk of appliance ${appliance}${progress}`);
  },
  sealed: (host: string, appliance: string): Obstacle =>
    waiting(
      REASON.Sealing,
      `host ${host} made a layer of the disk of appliance ${appliance}, and is about to tell of it`,
    ),
  /** @param isFinal whether a person must correct something; otherwise the host tries again by itself */
  failed: (host: string, appliance: string, { reason, message }: Explanation, isFinal: boolean): Obstacle => {
    const obstacle = isFinal ? stalled : waiting;
    return obstacle(reason, `host ${host} cannot seal the disk of appliance ${appliance}: ${message}`);
  },
  lost: (): Obstacle =>
    waiting(
      REASON.LayerLost,
      'no host that is known has its layer, which was made of an appliance and cannot be imported again: bring back a host that had it, ' +
        'or delete the template',
    ),
};
