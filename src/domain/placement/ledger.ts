import { describeBytes } from '../quantity.ts';
import type { ApplianceName, Lack, PlacementHost, PlacementRequest } from './types.ts';

/** Who has a port, and on which of the hosts that share it. */
interface PortHolder {
  readonly host: string;
  readonly appliance: ApplianceName | undefined;
}

/** Why a host cannot take a request, though it may have the CPU and the memory. */
export interface Refused {
  readonly reason: Lack;
  readonly message: string;
}

/**
 * What a batch gives away besides CPU and memory: ports and disk space, and to which service a host's replicas belong. During a
 * batch hosts only lose ports and space. Hosts are named by their position in the list.
 */
export class Ledger {
  readonly #hosts: readonly PlacementHost[];
  /** By host; hosts that share their ports have the same map. */
  readonly #ports: readonly Map<number, PortHolder>[];
  readonly #freeDisk: number[];
  /** By service, then by host: what this batch has added. */
  readonly #added = new Map<string, Map<number, number>>();

  constructor(hosts: readonly PlacementHost[]) {
    this.#hosts = hosts;
    this.#ports = portsOf(hosts);
    this.#freeDisk = hosts.map(({ freeDiskBytes = Infinity }) => freeDiskBytes);
  }

  /** Whether the host has the ports and the space. */
  isOpen({ hostPorts = [], diskBytes = 0 }: PlacementRequest, host: number): boolean {
    if ((this.#freeDisk[host] as number) < diskBytes) return false;
    const taken = this.#ports[host] as Map<number, PortHolder>;
    return !hostPorts.some((port) => taken.has(port));
  }

  /** All that the host lacks of ports and space. */
  lacksOf({ hostPorts = [], diskBytes = 0, appliance }: PlacementRequest, host: number): readonly Refused[] {
    const { name } = this.#hosts[host] as PlacementHost;
    const free = this.#freeDisk[host] as number;
    return [
      ...hostPorts.flatMap((port): Refused[] => {
        const holder = this.#ports[host]?.get(port);
        if (holder === undefined) return [];
        return [{ reason: 'PortInUse', message: describePort(port, name, holder, appliance) }];
      }),
      ...(free < diskBytes
        ? [{ reason: 'InsufficientDisk' as const, message: describeDisk(free, diskBytes) }]
        : []),
    ];
  }

  /** How many replicas of the request's service the host has. */
  replicasOn({ replicaOf }: PlacementRequest, host: number): number {
    if (replicaOf === undefined) return 0;
    const before = this.#hosts[host]?.replicas?.get(replicaOf) ?? 0;
    return before + (this.#added.get(replicaOf)?.get(host) ?? 0);
  }

  take({ hostPorts = [], diskBytes = 0, replicaOf, appliance }: PlacementRequest, host: number): void {
    const { name } = this.#hosts[host] as PlacementHost;
    for (const port of hostPorts) this.#ports[host]?.set(port, { host: name, appliance });
    if (diskBytes > 0) this.#freeDisk[host] = (this.#freeDisk[host] as number) - diskBytes;
    if (replicaOf === undefined) return;
    const added = this.#added.get(replicaOf) ?? new Map<number, number>();
    this.#added.set(replicaOf, added.set(host, (added.get(host) ?? 0) + 1));
  }
}

function portsOf(hosts: readonly PlacementHost[]): Map<number, PortHolder>[] {
  const spaces = new Map<string, Map<number, PortHolder>>();
  return hosts.map(({ name, portSpace, takenPorts = [] }) => {
    const shared = portSpace === undefined ? undefined : spaces.get(portSpace);
    const ports = shared ?? new Map<number, PortHolder>();
    if (portSpace !== undefined) spaces.set(portSpace, ports);
    for (const [port, appliance] of takenPorts) ports.set(port, { host: name, appliance });
    return ports;
  });
}

function describeDisk(free: number, needed: number): string {
  return needed === 0
    ? 'has no disk space left but for the VMs that run'
    : `has too little disk space: ${describeBytes(Math.max(0, free))} free, ${describeBytes(needed)} needed`;
}

/** The message does not name an appliance of another namespace. */
function describePort(
  port: number,
  host: string,
  holder: PortHolder,
  asking: ApplianceName | undefined,
): string {
  const { appliance } = holder;
  const who =
    appliance !== undefined && appliance.namespace === asking?.namespace
      ? `appliance ${appliance.namespace}/${appliance.name}`
      : 'an appliance of another namespace';
  const where = holder.host === host ? '' : ` on ${holder.host}, a host of the same machine`;
  return `does not have port ${port} free: it is in use by ${who}${where}`;
}
