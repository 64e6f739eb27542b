import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { NeededCapability } from '../../src/domain/placement/types.ts';
import type { Resources } from '../../src/domain/placement/usage.ts';
import { parseBytes, parseCpu } from '../../src/domain/quantity.ts';

/** An appliance that is bound to a host, and the resources that are reserved for it there. */
export interface BoundAppliance {
  readonly uid: string;
  readonly resources: Resources;
}

/** What an appliance asks of a host, in whole millicores and bytes. */
export function resourcesOf({ spec }: VirtualAppliance): Resources {
  return { cpuMillis: parseCpu(spec.resources.cpu), memoryBytes: parseBytes(spec.resources.memory) };
}

/** The uid that the API server gave to the object. */
export function uidOf(object: {
  readonly metadata: { readonly uid?: string; readonly name: string };
}): string {
  const { uid, name } = object.metadata;
  if (uid === undefined) throw new Error(`${name} has no uid: it did not come from an API server`);
  return uid;
}

/** What appliances reserve on their host; one that is being deleted counts until it is gone. */
export function boundAppliances(appliances: readonly VirtualAppliance[]): BoundAppliance[] {
  return appliances.map((appliance) => ({ uid: uidOf(appliance), resources: resourcesOf(appliance) }));
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
export function neededCapability({ spec }: VirtualAppliance): NeededCapability {
  return networkMode(spec.network) === 'Bridge' ? 'bridgeNetwork' : 'userNetwork';
}
