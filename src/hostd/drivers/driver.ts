import type { Duplex } from 'node:stream';
import type { Firmware } from '../../domain/firmware.ts';
import type { GuestType } from '../../domain/guest-type.ts';
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
  readonly disk: VmDisk;
  /** A second disk, which the guest finds by the name `coppice-data`, or behind the first. */
  readonly dataDisk?: VmDisk;
  /** How both are connected, as far as the hypervisor has a choice; virtio unless given. */
  readonly diskBus?: 'virtio' | 'scsi';
  /** An image of a CD, which is in the VM's drive, and starts it if nothing on its disk does. */
  readonly cd?: string;
  /** A file that the guest has as a further, read-only disk, which cloud-init reads. */
  readonly seed?: string;
  readonly boot:
    | {
        readonly kind: 'firmware';
        /** A BIOS unless given. */
        readonly firmware?: Firmware;
      }
    | {
        readonly kind: 'direct';
        readonly kernel: string;
        readonly initrd?: string;
        readonly commandLine: string;
      };
  /** How a Xen domain is made for it; drivers of other hypervisors ignore this. */
  readonly xen?: XenGuest;
  readonly network: VmNetwork;
  /** Its memory can be saved: {@link Checkpoints}. Drivers without checkpoints ignore this. */
  readonly capturable?: true;
  /** Identities of the layers that the VM is made of; checkpoints go by them. One that is missing counts as the same everywhere. */
  readonly identities?: VmIdentities;
};

/** Those that all VMs of a template have in common: a restored VM's disk stands on the checkpoint's, and still has the template's here. */
export type VmIdentities = {
  readonly [part in 'disk' | 'dataDisk' | 'cd' | 'kernel' | 'initrd']?: string;
};

export type VmDisk = {
  readonly path: string;
  readonly format: 'qcow2';
  /**
   * The files of the layers that it stands on, the nearest first; none for a disk that stands alone. Unset: as its header says. A driver
   * that can name them to its hypervisor does not go by headers.
   */
  readonly layers?: readonly string[];
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
  /** Why running VMs cannot be forked here, where the driver could otherwise. */
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

/** Memory checkpoints: a VM's memory and devices as a file, or with its disks as a folder. */
export interface Checkpoints {
  /**
   * Writes the running VM's memory to `target`, completely or not at all, and ends the VM, which is then `Stopped`. On failure, and
   * when aborted, the VM keeps running. Rejects with `CheckpointFailed` when the VM does not run.
   *
   * QEMU: the VM was started as `capturable`; `target` becomes a folder with memory, devices' state and disks of one pause, and must
   * not exist, because VMs stand on the disks of the one that is there. Called again after a crash it ends what it had begun.
   * Xen: `target` becomes a file, and replaces one; the VM's own disk is what the checkpoint needs, and nothing is aborted or reported.
   */
  save(vm: VmToCapture, target: string, options?: SaveOptions): Promise<void>;
  /**
   * As `start`, but the VM continues from the checkpoint, which stays, and is shared by all VMs that started from it. Rejects with
   * `CheckpointUnusable` when it does not fit this host or this VM, is damaged, or does not run within a time: nothing of the VM is left
   * then, and `start` boots it cold.
   *
   * QEMU: the VM's disks are new overlays on the checkpoint's ({@link Checkpoints.disks}). The VM runs, but its link is down until
   * `connect`, because it is still its original's twin.
   */
  restore(vm: VmSpec, checkpoint: string, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * As `save`, but the VM runs on: it stands still for a moment only, and `target` is as the VM was then. Any VM can be forked, again and
   * again, also one that was not started as `capturable`, was itself restored, or is paused, which then may run for some milliseconds.
   * On failure, and when aborted, nothing of it is left. When this daemon is killed, the VM goes on with the next call of `fork`, `tidy`
   * or `start`; called again for a fork that is complete, it resolves. Rejects with `CheckpointFailed` for this VM, `ForkUnavailable` for
   * this host, `DiskFull`. Missing where VMs cannot be forked.
   */
  fork?(vm: VmToCapture, target: string, options?: SaveOptions): Promise<Fork>;
  /** Removes what a killed daemon's fork of this VM left, and lets the VM go on. Nothing left: done. Missing where `fork` is. */
  tidy?(vm: VmToCapture): Promise<void>;
  /** Brings up the link of a restored VM. Up already: done. Missing where a restored VM is connected from the beginning. */
  connect?(vm: VmToCapture): Promise<void>;
  /** The disks in a checkpoint, on which restored VMs have overlays; undefined when there is no whole one. Missing where it has none. */
  disks?(checkpoint: string): Promise<{ readonly disk: string; readonly dataDisk?: string } | undefined>;
}

/** One moment of a VM that ran on. */
export type Fork = {
  /** By the wall clock: RFC 3339. */
  readonly capturedAt: string;
  /** How long the VM stood still, in milliseconds; 0 for one that was paused. */
  readonly pauseMs: number;
};

export type SaveOptions = {
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
};

/** Copies of running VMs' disks, of drivers that can make them. */
export interface Captures {
  /**
   * Writes to the targets what the VM's disks themselves hold, without their layers, all as they are at the one moment at which the
   * guest's file systems are at rest. The VM runs on, and its own disks' files stay as they are. When this daemon, or an earlier one, was
   * interrupted, it goes on with the copies that the hypervisor still makes. The targets are complete only when this resolves.
   * Rejects when the VM does not run. When aborted it leaves the hypervisor's work as it is, for the next call or for `abandon`.
   */
  capture(vm: VmToCapture, disks: readonly DiskToCapture[], options: CaptureOptions): Promise<Capture>;
  /** Ends the hypervisor's work on these targets, if there is any, and lets the guest go on. No VM: done. */
  abandon(vm: VmToCapture, targets: readonly string[]): Promise<void>;
}

export type VmToCapture = { readonly uuid: string; readonly directory: string };

export type DiskToCapture = {
  readonly which: 'disk' | 'dataDisk';
  readonly path: string;
  /** File of the layer that it stands on: the copy is a difference to that, too. Unset: the copy is of all that the guest sees. */
  readonly layer?: string;
  readonly target: string;
};

export type CaptureOptions = {
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
};

export type Capture = {
  /** What a person should know: its file systems could not be brought to rest, say. */
  readonly warning?: string;
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
   * resumes it. Rejects with the hypervisor's output when the VM did not start. When aborted it may leave a VM behind, which
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
   * Ends the VM at once and removes what the hypervisor and the host's network keep of it, never its disk. Not found:
   * done.
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
  readonly images: ImageTool;
  readonly prober: Prober;
}
