import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { controllerOf } from '../../src/base/object.ts';
import { type Firmware, firmwareFor } from '../../src/domain/firmware.ts';
import { guestTypeOf } from '../../src/domain/guest-type.ts';
import type { ApplianceName, NeededForVm, NeededNetwork } from '../../src/domain/placement/types.ts';
import type { Reservation, Resources } from '../../src/domain/placement/usage.ts';
import { parseBytes, parseCpu } from '../../src/domain/quantity.ts';
import { applianceObstacles } from '../obstacles/appliances.ts';
import { errorOf, type Obstacle } from '../obstacles/obstacle.ts';
import { type AmountProblem, type ReadAmounts, readAmount, readAmounts } from './amounts.ts';

/** An appliance that is bound to a host, and the resources that are reserved for it there. */
export interface BoundAppliance extends Reservation {
  readonly appliance?: ApplianceName;
  /** The ports of its host that its spec names. */
  readonly hostPorts?: readonly number[];
  /** The service that it is a replica of, unless it is being deleted. */
  readonly replicaOf?: string | undefined;
}

/**
 * What an appliance asks of a host, in whole millicores and bytes.
 * @throws StalledError InvalidAmount
 */
export function amountsOf({ spec }: VirtualAppliance): ReadAmounts {
  const read = readAmounts(spec);
  if ('problem' in read) throw errorOf(applianceObstacles.invalidAmount(read.field, read.problem));
  return read;
}

/** What keeps the appliance from ever being placed: an amount that is none. */
export function amountObstacle({ spec }: VirtualAppliance): Obstacle | undefined {
  const read = readAmounts(spec);
  return 'problem' in read ? applianceObstacles.invalidAmount(read.field, read.problem) : undefined;
}

/** The part of its amounts that is reserved on its host. @throws StalledError InvalidAmount */
export function resourcesOf(appliance: VirtualAppliance): Resources {
  const { cpuMillis, memoryBytes } = amountsOf(appliance);
  return { cpuMillis, memoryBytes };
}

/** The uid that the API server gave to the object. */
export function uidOf(object: {
  readonly metadata: { readonly uid?: string; readonly name: string };
}): string {
  const { uid, name } = object.metadata;
  if (uid === undefined) throw new Error(`${name} has no uid: it did not come from an API server`);
  return uid;
}

/**
 * What appliances reserve on their host; one that is being deleted counts until it is gone. An amount that is none reserves nothing,
 * since no daemon takes it: the appliance's own conditions say so, and the others count.
 */
export function boundAppliances(appliances: readonly VirtualAppliance[]): BoundAppliance[] {
  const orNothing = (read: number | AmountProblem) => (typeof read === 'number' ? read : 0);
  return appliances.map((appliance) => {
    const { cpu, memory } = appliance.spec.resources;
    // While another size waits, the larger of both is reserved.
    const has = appliance.status?.resources ?? {};
    const resources = {
      cpuMillis: Math.max(
        orNothing(readAmount('resources.cpu', cpu, parseCpu)),
        orNothing(readAmount('resources.cpu', has.cpu ?? 0, parseCpu)),
      ),
      memoryBytes: Math.max(
        orNothing(readAmount('resources.memory', memory, parseBytes)),
        orNothing(readAmount('resources.memory', has.memory ?? 0, parseBytes)),
      ),
    };
    const isLeaving = appliance.metadata.deletionTimestamp !== undefined;
    return {
      uid: uidOf(appliance),
      resources,
      appliance: nameOf(appliance),
      hostPorts: hostPortsOf(appliance),
      replicaOf: isLeaving ? undefined : replicaOf(appliance),
    };
  });
}

export function nameOf({ metadata: { namespace = '', name } }: VirtualAppliance): ApplianceName {
  return { namespace, name };
}

/** The ports of its host that the appliance must have; with an address of its own it needs none. */
export function hostPortsOf({ spec: { network } }: VirtualAppliance): readonly number[] {
  if (networkMode(network) === 'Bridge') return [];
  return (network.ports ?? []).flatMap(({ hostPort }) => hostPort ?? []);
}

/** The service of a task that the appliance belongs to, as one text for all its replicas; undefined for one made by hand. */
export function replicaOf(appliance: VirtualAppliance): string | undefined {
  const owner = controllerOf(appliance);
  return owner === undefined ? undefined : `${owner.uid}/${appliance.spec.service.name ?? ''}`;
}

/** Whether the appliance waits for a host. */
export function isPending({ metadata, spec }: VirtualAppliance): boolean {
  return spec.hostName === undefined && metadata.deletionTimestamp === undefined;
}

type Network = VirtualAppliance['spec']['network'];

/** How a VM is reached: through ports of its host, or at an address of its own, which a pool implies. */
export function networkMode({ mode, pool }: Pick<Network, 'mode' | 'pool'>): 'User' | 'Bridge' {
  return mode ?? (pool === undefined ? 'User' : 'Bridge');
}

/** The kind of network that the appliance's host must offer. */
export function neededNetwork({ spec }: VirtualAppliance): NeededNetwork {
  return networkMode(spec.network) === 'Bridge' ? 'bridgeNetwork' : 'userNetwork';
}

/**
 * What else the host must be able to do, for the VM of this template.
 * @param boots which firmware finds something to boot on its disk, as far as a host has said so
 */
export function neededForVm(
  { spec: { disk, capturable } }: VirtualAppliance,
  { spec: { guest } }: Pick<Template, 'spec'>,
  boots: readonly Firmware[] | undefined,
): readonly NeededForVm[] {
  const { boot, xen, firmware, diskBus, cd } = guest;
  // A guest of another type has no firmware under Xen.
  const hasFirmware = guestTypeOf(boot !== undefined, xen) === 'HVM';
  return [
    ...(capturable === true ? (['capturable'] as const) : []),
    ...(disk.data === undefined ? [] : (['dataDisk'] as const)),
    ...(diskBus === 'scsi' ? (['scsiDisk'] as const) : []),
    ...(cd === undefined ? [] : [hasFirmware ? ('hvmCdDrive' as const) : ('cdDrive' as const)]),
    ...(hasFirmware && firmwareFor(firmware, boots) === 'uefi' ? (['uefi'] as const) : []),
  ];
}
