import type PQueue from 'p-queue';
import type { Logger } from 'pino';
import type { BackoffPolicy } from '../../base/backoff.ts';
import type { Clock, Random } from '../../base/clock.ts';
import type { DesiredAppliance } from '../../host/protocol.ts';
import type { Driver } from '../drivers/driver.ts';
import type { GuestWork } from '../guest/agent-work.ts';
import type { Guest } from '../guest/guest.ts';
import type { Installed } from '../guest/installed.ts';
import type { LayerStore } from '../layers/store.ts';
import type { PackageCache } from '../packages.ts';
import type { PortRegistry } from '../ports/ports.ts';
import type { ApplianceDirectory } from '../state/appliance-directory.ts';
import type { RecordKeeper } from '../state/record-keeper.ts';

/** How often and how long the daemon looks and waits, in milliseconds. */
export type Pace = {
  /** Between two looks at an appliance that is as it should be. */
  readonly watchMs: number;
  /** Between two questions to an agent, container or service that is expected to answer soon. */
  readonly pollMs: number;
  /** How long one question may take. */
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
  /** VMs are created through it, as many at once as the driver allows (SO-MVDS section 4.1). */
  readonly creation: PQueue;
  readonly clock: Clock;
  readonly random: Random;
  readonly pace: Pace;
  /** Free bytes that making a disk leaves alone. */
  readonly reserveBytes: number;
  readonly log: Logger;
};

/** What one pass over an appliance's steps works on; what it found in the guest is asked once a pass. */
export type Scope = {
  readonly host: HostServices;
  readonly desired: DesiredAppliance;
  readonly directory: ApplianceDirectory;
  readonly record: RecordKeeper;
  readonly guest: Guest;
  /** What the guest said of itself in this pass; undefined before it was asked. */
  installed: Installed | undefined;
  /** The package's way to this host, once it was begun in this pass. */
  packageFetch: Promise<void> | undefined;
};

/** What people and the hypervisor call the VM. */
export function domainOf(desired: DesiredAppliance): string {
  return `${desired.namespace}.${desired.name}.${desired.uuid.slice(0, 8)}`;
}

/** How messages name the appliance. */
export function labelOf(desired: DesiredAppliance): string {
  return `appliance ${desired.namespace}/${desired.name} (${desired.uuid})`;
}
