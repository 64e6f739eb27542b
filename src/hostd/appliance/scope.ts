import type PQueue from 'p-queue';
import type { Logger } from 'pino';
import type { BackoffPolicy } from '../../base/backoff.ts';
import type { Clock, Random } from '../../base/clock.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { DesiredAppliance } from '../../host/protocol.ts';
import type { Driver } from '../drivers/driver.ts';
import type { GuestWork } from '../guest/agent-work.ts';
import type { Guest } from '../guest/guest.ts';
import type { Installed } from '../guest/installed.ts';
import type { LayerStore } from '../layers/store.ts';
import type { PackageCache } from '../packages.ts';
import type { PortOwner, PortRegistry } from '../ports/ports.ts';
import type { ApplianceDirectory } from '../state/appliance-directory.ts';
import type { RecordKeeper } from '../state/record-keeper.ts';

/** Intervals and time limits of the daemon, in milliseconds. */
export type Pace = {
  /** Between two inspections of an appliance that is as desired. */
  readonly watchMs: number;
  /** Between two probes of an agent, container or service that should answer soon. */
  readonly pollMs: number;
  /** Time limit of one probe. */
  readonly questionMs: number;
  /** How long a guest may take to power off before it is switched off. */
  readonly shutdownMs: number;
  /** How long the container in the guest may take to be ready after the agent is. */
  readonly containerMs: number;
  readonly backoff: BackoffPolicy;
};

/** What all appliances of a host share. */
export type HostServices = {
  readonly driver: Driver;
  readonly layers: LayerStore;
  readonly ports: PortRegistry;
  /** Name of the bridge that VMs with addresses of their own are connected to, when the host has one. */
  readonly bridge?: string;
  readonly packages: PackageCache;
  readonly guestWork: GuestWork;
  /** All VMs are created through this queue, as many at once as the driver allows (SO-MVDS section 4.1). */
  readonly creation: PQueue;
  /** By the appliance's uuid: while a VM begins to write to its disk, no seal makes the disk a layer. */
  readonly disks: KeyedMutex;
  readonly clock: Clock;
  readonly random: Random;
  readonly pace: Pace;
  /** Bytes of the disk that must stay free when a disk is made. */
  readonly reserveBytes: number;
  readonly log: Logger;
};

/** The context of one pass over an appliance's steps. A pass asks the guest only once which work was done in it. */
export type Scope = {
  readonly host: HostServices;
  readonly desired: DesiredAppliance;
  readonly directory: ApplianceDirectory;
  readonly record: RecordKeeper;
  readonly guest: Guest;
  /** The guest's answer in this pass: the work already done in it; undefined before the guest was asked. */
  installed: Installed | undefined;
  /** The package's download, once this pass has begun it. */
  packageFetch: Promise<void> | undefined;
};

/** The VM's name, for people and for the hypervisor. */
export function domainOf(desired: DesiredAppliance): string {
  return `${desired.namespace}.${desired.name}.${desired.uuid.slice(0, 8)}`;
}

/** The appliance's name in messages. */
export function labelOf(desired: DesiredAppliance): string {
  return `appliance ${desired.namespace}/${desired.name} (${desired.uuid})`;
}

/** The appliance as the registry of ports knows it. */
export function portOwnerOf(desired: DesiredAppliance): PortOwner {
  return { uuid: desired.uuid, namespace: desired.namespace, label: labelOf(desired) };
}
