import type { KubeObject, ResourceRef } from '../../base/object.ts';

/** `coordination.k8s.io/v1` Lease, as far as leader election uses it. */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export const LEASES: ResourceRef<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

/** The Lease's kind of time stamp: RFC 3339 with microseconds. */
function microTime(now: number): string {
  return new Date(now).toISOString().replace('Z', '000Z');
}

/** The lease's spec when `identity` takes or renews it at `now`. */
export function heldBy(
  identity: string,
  previous: Lease['spec'],
  leaseDurationMs: number,
  now: number,
): NonNullable<Lease['spec']> {
  const isRenewal = previous?.holderIdentity === identity;
  const transitions = previous?.leaseTransitions ?? 0;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
    acquireTime: (isRenewal ? previous.acquireTime : undefined) ?? microTime(now),
    renewTime: microTime(now),
    leaseTransitions: isRenewal || previous === undefined ? transitions : transitions + 1,
  };
}

/** The lease's spec when its holder gives it up, so that the next one need not wait. */
export function released(previous: Lease['spec'], now: number): NonNullable<Lease['spec']> {
  return {
    ...previous,
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: microTime(now),
    renewTime: microTime(now),
  };
}
