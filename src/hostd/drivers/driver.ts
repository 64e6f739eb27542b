import type { Duplex } from 'node:stream';
import type { GuestType } from '../../domain/guest-type.ts';
import type { Capability, Problem } from '../../host/protocol.ts';
import type { Guest } from '../guest/guest.ts';
import type { HostRoute } from '../network/links.ts';
import type { Captures } from './captures.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Suspensions } from './suspensions.ts';
import type { VmSpec } from './vm.ts';

export type VmObservation = {
  readonly uuid: string;
  readonly state: 'Running' | 'Paused' | 'Suspended' | 'Stopped' | 'Crashed';
  readonly pid?: number;
  /** For people: by the wall clock, which may be set. */
  readonly startedAt?: string;
  /** Milliseconds since its start while it is there, by a clock that nobody sets; missing when that is unknown. */
  readonly runningForMs?: number;
  readonly accelerator?: string;
  readonly commandLine?: readonly string[];
  /** False when the VM runs and its interface is not connected to its bridge; `problem` then says why. */
  readonly connected?: boolean;
  /** True for a VM that was restored and whose link is still down: it has to be given an identity of its own. */
  readonly isTwin?: true;
  /** What is wrong with the VM (its disk is full, its guest panicked), as far as the hypervisor reports it. */
  readonly problem?: Problem;
  /** The VM ended, but the hypervisor still keeps something of it (memory, ports). `destroy` or the next start frees that. */
  readonly remains?: boolean;
};

export type DriverInfo = {
  readonly name: string;
  readonly version: string;
  readonly accelerator: string;
  readonly acceleratorReason?: string;
  readonly capabilities: readonly Capability[];
  /** Why this host cannot fork running VMs, although its driver can. */
  readonly forkProblem?: string;
  /** How many VMs may be created at once; 1 if the hypervisor requires serial creation (SO-MVDS section 4.1). */
  readonly creationConcurrency: number;
  /** The types of guests that the hypervisor runs here, where guests have types. */
  readonly guestTypes?: readonly GuestType[];
  /** Set when the driver cannot work at all. */
  readonly problem?: Problem;
  /** What a person should fix although the driver works: its bridge is missing, say. */
  readonly warnings?: readonly Problem[];
};

/** Size and use of the machine, as the hypervisor sees it. */
export type MachineUse = {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  /** CPU time used since an arbitrary moment, in milliseconds of one CPU: only the difference between two calls has a meaning. */
  readonly busyMillis: number;
  readonly usedMemoryBytes: number;
  /** The part of it that VMs use; others' VMs may be among them. */
  readonly vms: readonly VmUse[];
};

/** What one VM uses of the machine. */
export type VmUse = {
  readonly uuid: string;
  /** As that of the machine; it begins again when the VM does. */
  readonly busyMillis: number;
  readonly memoryBytes: number;
};

/** The formats of images that become layers. Nothing guesses a format: an author could then have any file of the host read. */
export type ImageFormat = 'qcow2' | 'raw' | 'vmdk' | 'vhdx' | 'vdi' | 'vpc';

/** How a file is packed, where it can be unpacked. */
export type Packing = 'gzip' | 'xz' | 'zstd' | 'bzip2';

export type CopyLimits = {
  readonly signal?: AbortSignal;
  /** A copy that would become larger is refused with `DiskFull`: a small file may unpack to a large one. */
  readonly roomBytes?: number;
};

/** Makes and inspects disk images. Errors are `HostError`s (`DiskFull`, `ImageInvalid`, …). Layers and disks are qcow2. */
export interface ImageTool {
  /** Size of an image's disk, and the names of other files it would pull in (backing or data file). */
  inspect(
    path: string,
    format: ImageFormat,
    signal?: AbortSignal,
  ): Promise<{ virtualBytes: number; references: readonly string[] }>;
  /** What is wrong with the image, for people; undefined for a sound one, and for formats that cannot be checked. */
  damageOf(path: string, format: ImageFormat, signal?: AbortSignal): Promise<string | undefined>;
  /** The first mebibyte of the disk, as a guest sees it; all of a smaller one. */
  readStart(path: string, format: ImageFormat, signal?: AbortSignal): Promise<Buffer>;
  /** What the files of disks are: `raw` for a driver whose disks are files of its own kind. */
  readonly diskFormat: 'qcow2' | 'raw';
  /** Rewrites an image as a standalone qcow2. `target` must not exist; it is removed again on failure. */
  convert(source: string, format: ImageFormat, target: string, limits?: CopyLimits): Promise<void>;
  /** A leaf overlay on a sealed layer; `target` must not exist. Grows to `sizeBytes` when that is larger. */
  createOverlay(layer: string, target: string, sizeBytes?: number, signal?: AbortSignal): Promise<void>;
  /** A disk with nothing on it; `target` must not exist. */
  createEmpty(target: string, sizeBytes: number, signal?: AbortSignal): Promise<void>;
  /** Grows a qcow2 that no VM has open to `sizeBytes`; one that is as large already stays as it is. */
  grow(path: string, sizeBytes: number, signal?: AbortSignal): Promise<void>;
  /** A full, standalone copy of a layer (the papers' baseline); removed again when it fails or is aborted. */
  createClone(layer: string, target: string, sizeBytes?: number, limits?: CopyLimits): Promise<void>;
  /**
   * Makes blocks of zeroes in a file that nobody writes to holes, which take no room; its content stays. Resolves with why that is not
   * possible, for people: the file is as good as before then.
   */
  digHoles(path: string, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * What is in a packed file, as it comes, however much that is. Fails at its end with `ImageInvalid` when the file is damaged, was cut
   * off, or is followed by something else. Whoever stops reading ends the work. `what` names the file for people.
   */
  unpack(path: string, packing: Packing, what: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Packs a folder's files as a volume labelled `cidata`; the same files give the same bytes. */
  createSeed(folder: string, target: string, signal?: AbortSignal): Promise<void>;
}

/** Probes services from the host. */
export interface Prober {
  /** How this host reaches an address; undefined when it has no route. */
  route(address: string): Promise<HostRoute | undefined>;
  /** Resolves with the HTTP status. Rejects when nothing answers within `timeoutMs`. */
  http(url: string, timeoutMs: number): Promise<number>;
  /** Resolves when a connection opens and stays open for a moment (user networking accepts before the guest does). */
  tcp(address: string, port: number, timeoutMs: number): Promise<void>;
}

/**
 * A hypervisor on this host. Every method may be called again after a crash at any point: it finds what exists and continues
 * from there. No method remembers anything between calls that it cannot find again on the host.
 */
export interface Driver {
  /** What this driver is and can do on this host. If it cannot work at all, the result has a `problem`, and nothing is thrown. */
  probe(): Promise<DriverInfo>;
  /**
   * Makes the VM run. Already running: connects it to its bridge again if it was disconnected. Paused (its disk was full, say):
   * resumes it. Suspended: lets it go on with its memory, or rejects with `ResumeFailed`, and it stays suspended. Rejects with the hypervisor's output when the VM did not start. When aborted it may leave a VM behind, which
   * `destroy` removes.
   */
  start(vm: VmSpec, signal?: AbortSignal): Promise<void>;
  /**
   * What exists of the VM with this uuid; undefined when nothing does. Never changes the VM. The answer may be some seconds old, but
   * not older than this driver's last change.
   */
  inspect(uuid: string, directory: string): Promise<VmObservation | undefined>;
  /** Asks the guest to power off and waits. Not running: true. False when the VM still runs after `timeoutMs`. */
  shutdown(uuid: string, directory: string, timeoutMs: number): Promise<boolean>;
  /**
   * Ends the VM at once and removes what the hypervisor and the host's network keep of it, the memory of a suspended one, too, never its
   * disk. Not found: done.
   */
  destroy(uuid: string, directory: string): Promise<void>;
  /**
   * Removes what the host's network still has of VMs whose folders are gone, if it certainly belongs to this driver. Called before
   * any other method, with the uuids of all existing appliances. Never touches VMs.
   */
  reap(uuids: ReadonlySet<string>): Promise<void>;
  /** The VM's guest, through its agent. Cheap, because it connects on first use. */
  guest(uuid: string, directory: string): Guest;
  /** The last bytes the VM wrote to its console; empty when there is none. */
  consoleTail(directory: string, bytes: number): Promise<string>;
  /**
   * The VM's console, interactively: reads what the VM prints from now on; what is written is typed into the VM. One connection at a
   * time. Rejects with reason `ConsoleUnavailable` when the VM does not run or somebody else is using its console.
   */
  openConsole(directory: string): Promise<Duplex>;
  /**
   * Names of the VMs on this host that neither this daemon, whose folder is `root`, nor another one of Coppice started. They are shown
   * to people and never touched.
   */
  foreignVms(root: string): Promise<readonly string[]>;
  /**
   * Measures the machine. Only for hypervisors under which the daemon's own operating system is a guest; other drivers leave this out,
   * and the operating system is measured.
   */
  measure?(): Promise<MachineUse>;
  /** How often something happened, since the driver was created, that people should watch: name (`snake_case`) → count. */
  counts?(): Readonly<Record<string, number>>;
  readonly checkpoints?: Checkpoints;
  readonly captures?: Captures;
  readonly suspensions?: Suspensions;
  readonly images: ImageTool;
  readonly prober: Prober;
}
