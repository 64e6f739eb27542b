import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** How many other objects a sentence names. */
const NAMED = 10;

/** What keeps an appliance from getting an address. Pools and appliances are named as namespace/name. */
export const addressObstacles = {
  poolNotFound: (pool: string): Obstacle =>
    waiting(REASON.AddressPoolNotFound, `IPPool ${pool} does not exist: create it in this namespace`),
  poolDeleting: (pool: string): Obstacle =>
    waiting(REASON.AddressPoolNotReady, `IPPool ${pool} is being deleted: use another one`),
  poolInvalid: (pool: string, problem: string): Obstacle =>
    waiting(REASON.AddressPoolNotReady, `IPPool ${pool} cannot give addresses: ${problem}`),
  poolNew: (pool: string): Obstacle =>
    waiting(
      REASON.AddressPoolNotReady,
      `IPPool ${pool} is new: it gives addresses as soon as the operator has checked it`,
    ),
  poolExhausted: (pool: string, total: bigint): Obstacle =>
    waiting(
      REASON.AddressPoolExhausted,
      `all ${total} addresses of pool ${pool} are assigned or reserved: this appliance gets one as soon as one is ` +
        'released or the pool gets another range',
    ),
  notAnAddress: (text: string): Obstacle =>
    stalled(REASON.AddressNotInPool, `${text} is not an IP address: correct it`),
  /** @param problem what follows `10.0.0.1 …`, such as `is the address of the network itself` */
  unsuitable: (reason: string, address: string, problem: string, pool: string): Obstacle =>
    stalled(
      reason,
      `${address} ${problem} (pool ${pool}): create a new appliance with another address, or change the pool`,
    ),
  inUse: (holders: readonly { readonly address: string; readonly appliance: string }[]): Obstacle => {
    const parts = holders.map(({ address, appliance }) => `${address} is assigned to appliance ${appliance}`);
    return waiting(
      REASON.AddressInUse,
      `${parts.join('; ')}: this appliance gets it when it is released; delete that appliance, or this one`,
    );
  },
  invalidStatus: (address: string): Obstacle =>
    stalled(
      REASON.AddressConflict,
      `status.network says ${address}, which is not an IP address: delete this appliance, and create it again`,
    ),
  reassigned: (address: string, appliance: string): Obstacle =>
    waiting(
      REASON.AddressConflict,
      `the lease of its address ${address} was deleted, and the address was assigned to appliance ${appliance}: ` +
        'delete one of the two appliances',
    ),
  /** @param answer what the API server said */
  refused: (answer: string): Explanation => ({ reason: REASON.AddressRefused, message: answer }),
};

/** What people should know about leases. */
export const leaseEvents = {
  reclaimed: (address: string): Explanation => ({
    reason: REASON.AddressReclaimed,
    message: `the lease of ${address} was deleted while the appliance has the address: it was created again`,
  }),
  heldByUnreachableHost: (appliance: string, host: string): Explanation => ({
    reason: REASON.AddressHeld,
    message:
      `appliance ${appliance} is gone, but host ${host} does not answer and may still run its VM, so the address stays ` +
      'assigned; delete the Host object if the host never comes back',
  }),
  heldByVm: (appliance: string, host: string): Explanation => ({
    reason: REASON.AddressHeld,
    message:
      `appliance ${appliance} is gone, but host ${host} still has its VM, so the address stays assigned; ` +
      'have the daemon delete the VM if nobody needs it',
  }),
};

/** What keeps a pool from giving addresses, or from being deleted. */
export const poolObstacles = {
  invalid: (problem: string): Obstacle => stalled(REASON.InvalidPool, problem),
  noAddresses: (): Obstacle =>
    stalled(
      REASON.NoAddresses,
      'every address of the ranges is excluded, the gateway, or an end of the network: add a range',
    ),
  /** @param holders appliances with their addresses, as far as the operator knows them */
  inUse: (holders: readonly string[]): Obstacle => {
    const known =
      holders.length === 0 ? '' : ` (${holders.length}): to ${holders.slice(0, NAMED).join(', ')}`;
    return waiting(
      REASON.InUse,
      `addresses of it are assigned${known}; the pool is deleted when they are released`,
    );
  },
};

/** What a pool without an obstacle says. */
export const poolStates = {
  /** Ready all the same: the pool is as it was declared. The appliances that wait say so themselves. */
  exhausted: (): Explanation => ({
    reason: REASON.AddressPoolExhausted,
    message:
      'every address is assigned: delete appliances, or add a range; appliances that wait continue by themselves',
  }),
  available: (): Explanation => ({ reason: REASON.Available, message: 'there are free addresses' }),
  noOverlap: (): Explanation => ({
    reason: REASON.NoOverlap,
    message: 'no other pool has an address of this one',
  }),
  /** @param overlaps such as `pool default/lan has 10.0.0.1, too` */
  overlaps: (overlaps: readonly string[]): Explanation => ({
    reason: REASON.PoolsOverlap,
    message:
      `${overlaps.slice(0, NAMED).join('; ')}: no address is assigned twice, but each counts in both pools; ` +
      'give each pool ranges of its own unless this is intended',
  }),
};
