import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** What keeps a template that a host is to make from having its layer. `what` is such as `appliance default/web-0`. */
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
  soon: (what: string, host: string): Obstacle =>
    waiting(REASON.Sealing, `host ${host} is asked to make a layer of the disk of ${what}`),
  /** @param isCaptured whether the disk's content is safe, and is being read */
  running: (host: string, what: string, isCaptured: boolean, percent: number | undefined): Obstacle => {
    const work = isCaptured ? 'reads and names the content' : 'keeps the content';
    const progress = percent === undefined ? '' : ` (${percent} %)`;
    return waiting(REASON.Sealing, `host ${host} ${work} of the disk of ${what}${progress}`);
  },
  sealed: (host: string, what: string): Obstacle =>
    waiting(REASON.Sealing, `host ${host} made a layer of the disk of ${what}, and is about to tell of it`),
  /** @param isFinal whether a person must correct something; otherwise the host tries again by itself */
  failed: (host: string, what: string, { reason, message }: Explanation, isFinal: boolean): Obstacle => {
    const obstacle = isFinal ? stalled : waiting;
    return obstacle(reason, `host ${host} cannot seal the disk of ${what}: ${message}`);
  },
  nowhere: (template: string): Obstacle =>
    waiting(
      REASON.Sealing,
      `no connected host has all layers of template ${template}: one makes a layer of them when it has`,
    ),
  lost: (): Obstacle =>
    waiting(
      REASON.LayerLost,
      'no host that is known has its layer, which was made on a host and cannot be imported again: bring back a host that had it, ' +
        'or delete the template',
    ),
};
