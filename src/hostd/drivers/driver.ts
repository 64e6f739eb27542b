import type { Duplex } from 'node:stream';
import type { Capability, Problem, XenGuest } from '../../host/protocol.ts';
import type { Guest } from '../guest/guest.ts';
import type { HostRoute } from '../network/links.ts';

/** Everything a driver needs to start one VM; the paths are absolute and the files exist. */
export type VmSpec = {
  readonly uuid: string;
  /** Unique on the host, safe as a domain name and as a file name: `<namespace>.<name>.<first 8 of uuid>`. */
  readonly domain: string;
  /** The appliance's own folder: the driver keeps the VM's configuration, sockets and console log in it. */
  readonly directory: string;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly disk: { readonly path: string; readonly format: 'qcow2' };
  readonly boot:
    | { readonly kind: 'firmware' }
    | {
        readonly kind: 'direct';
        readonly kernel: string;
        readonly initrd?: string;
        readonly commandLine: string;
      };
  /** How a Xen domain is made of it; drivers of other hypervisors pass it over. */
  readonly xen?: XenGuest;
  readonly network: VmNetwork;
};

/** The VM's one network interface; an address on a bridge is set in the guest, not by the driver. */
export type VmNetwork =
  | {
      readonly mode: 'user';
      readonly mac: string;
      readonly forwards: readonly {
        readonly address: string;
        readonly hostPort: number;
        readonly guestPort: number;
      }[];
    }
  | {
      readonly mode: 'bridge';
      readonly mac: string;
      /** Name of the host's bridge that the interface becomes a port of. */
      readonly bridge: string;
    };

export type VmObservation = {
  readonly uuid: string;
  readonly state: 'Running' | 'Paused' | 'Stopped' | 'Crashed';
  readonly pid?: number;
  /** For people: by the wall clock, which may be set. */
  readonly startedAt?: string;
  /** Milliseconds since its start while it is there, by a clock that nobody sets; missing when that is unknown. */
  readonly runningForMs?: number;
  readonly accelerator?: string;
  readonly commandLine?: readonly string[];
  /** False when the VM runs and its interface is not connected to its bridge; `problem` then says why. */
  readonly connected?: boolean;
  /** Why a VM that is there is not well (its disk is full, its guest panicked), as far as the hypervisor tells. */
  readonly problem?: Problem;
  /** It ended, and the hypervisor still keeps something of it (memory, say), which `destroy` or the next start frees. */
  readonly remains?: boolean;
};

export type DriverInfo = {
  readonly name: string;
  readonly version: string;
  readonly accelerator: string;
  readonly acceleratorReason?: string;
  readonly capabilities: readonly Capability[];
  /** How many VMs may be created at once: 1 where the hypervisor wants them one by one (SO-MVDS section 4.1). */
  readonly creationConcurrency: number;
  /** Set when it can not work at all. */
  readonly problem?: Problem;
  /** What a person should mend though the rest works: it was given a bridge that is missing, say. */
  readonly warnings?: readonly Problem[];
};

/** The machine as the hypervisor has it. */
export type MachineUse = {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  /** CPU time used, in milliseconds of one CPU, since some moment in the past: the difference of two calls counts. */
  readonly busyMillis: number;
  readonly usedMemoryBytes: number;
};

/** Memory checkpoints, of drivers with the capability `checkpoint`: a VM's memory and devices as a file. */
export interface Checkpoints {
  /**
   * Writes the running VM to `path`, in place of what is there, whole or not at all, and ends it: it is then `Stopped`,
   * its disk as the checkpoint needs it. When it fails the VM runs on. Not running: rejects.
   */
  save(vm: { readonly uuid: string; readonly directory: string }, path: string): Promise<void>;
  /** As `start`, but the VM goes on from the checkpoint at `path`, which stays. */
  restore(vm: VmSpec, path: string, signal?: AbortSignal): Promise<void>;
}

/** Makes and inspects disk images. Errors are `HostError`s (`DiskFull`, `ImageInvalid`, …). */
export interface ImageTool {
  /** Format and size of an image, and the names of other files it would pull in (backing or data file). */
  inspect(path: string): Promise<{ format: string; virtualBytes: number; references: readonly string[] }>;
  /** Rewrites any readable image as a standalone qcow2. `target` must not exist; it is removed again on failure. */
  convert(source: string, target: string, signal?: AbortSignal): Promise<void>;
  /** A leaf overlay on a sealed layer; `target` must not exist. Grows to `sizeBytes` when that is larger. */
  createOverlay(layer: string, target: string, sizeBytes?: number): Promise<void>;
  /** A full, standalone copy of a layer (the papers' baseline); removed again when it fails or is aborted. */
  createClone(layer: string, target: string, sizeBytes?: number, signal?: AbortSignal): Promise<void>;
}

/** How the daemon asks a service, from the host, whether it answers. */
export interface Prober {
  /** How this host reaches an address; undefined when it does not. */
  route(address: string): Promise<HostRoute | undefined>;
  /** Resolves with the HTTP status. Rejects when nothing answers within `timeoutMs`. */
  http(url: string, timeoutMs: number): Promise<number>;
  /** Resolves when a connection opens and stays open for a moment (user networking accepts before the guest does). */
  tcp(address: string, port: number, timeoutMs: number): Promise<void>;
}

/**
 * A hypervisor on this host. Every method may be called again after a crash at any point: it finds what is there
 * and goes on from it. No method remembers anything between calls that it cannot find again on the host.
 */
export interface Driver {
  /** What this driver is and can do here; a `problem` instead of an error when it cannot work at all. */
  probe(): Promise<DriverInfo>;
  /**
   * Makes the VM run. Already running: it is connected to its bridge again when it was not. Paused (its disk was full,
   * say): it goes on. Rejects when it did not start, with the hypervisor's words; when aborted it may leave a VM behind,
   * which `destroy` removes.
   */
  start(vm: VmSpec, signal?: AbortSignal): Promise<void>;
  /**
   * What is there of the VM with this uuid; undefined when there is nothing. Never changes anything. What it tells may be some
   * seconds old, but not from before this driver's last change.
   */
  inspect(uuid: string, directory: string): Promise<VmObservation | undefined>;
  /** Asks the guest to power off and waits. Not running: done. False when it still runs after `timeoutMs`. */
  shutdown(uuid: string, directory: string, timeoutMs: number): Promise<boolean>;
  /**
   * Ends the VM at once and removes what the hypervisor and the host's network keep of it, never its disk. Not found:
   * done.
   */
  destroy(uuid: string, directory: string): Promise<void>;
  /**
   * Removes what the host's network still has of VMs whose folders are gone, as far as it is surely this driver's. Called
   * before anything else is asked for, with the uuids of all appliances there are. VMs are never touched.
   */
  reap(uuids: ReadonlySet<string>): Promise<void>;
  /** The VM's guest, through its agent. Cheap: connects on first use. */
  guest(uuid: string, directory: string): Guest;
  /** The last bytes the VM wrote to its console; empty when there is none. */
  consoleTail(directory: string, bytes: number): Promise<string>;
  /**
   * The VM's console as a person at it has it: what is read is what the VM writes from now on, what is written is typed.
   * One at a time. Rejects with reason `ConsoleUnavailable` when the VM does not run or somebody else is at it.
   */
  openConsole(directory: string): Promise<Duplex>;
  /** Names of the VMs on this host that were not started from below `root`: to be shown, never touched. */
  foreignVms(root: string): Promise<readonly string[]>;
  /**
   * Measures the machine, for hypervisors of which the operating system that the daemon runs in is itself a guest; without,
   * that system is asked. With `own`, only the VMs with these uuids count as its use.
   */
  measure?(own?: readonly string[]): Promise<MachineUse>;
  /** How often something happened since the driver was made that people should watch: name, in words with `_` → count. */
  counts?(): Readonly<Record<string, number>>;
  readonly checkpoints?: Checkpoints;
  readonly images: ImageTool;
  readonly prober: Prober;
}
