import type { VmToCapture } from './captures.ts';
import type { VmSpec } from './vm.ts';

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
   * QEMU: the VM's disks are overlays on the checkpoint's ({@link Checkpoints.files}) to which nothing was written yet. The VM runs, but
   * its link is down until `connect`, because it is still its original's twin.
   */
  restore(vm: VmSpec, checkpoint: string, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** As `restore`, from files that are layers: their store has looked at them. Missing where a checkpoint is one file. */
  restoreFiles?(
    vm: VmSpec,
    checkpoint: CheckpointFiles,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void>;
  /**
   * As `save`, but the VM runs on: it is paused for a moment, and `target` is as the VM was then. A VM can be forked again and again,
   * also if it was not started as `capturable`, or is paused: it then may run for some milliseconds. A restored VM can be forked only if
   * its checkpoint's memory lies in a tmpfs. A fork that fails or is aborted leaves nothing. If the daemon is killed while the fork has
   * the VM paused, the next call of `fork`, `tidy` or `start` lets the VM run. Called again for a fork that is complete, this resolves.
   * Rejects with `CheckpointFailed` for this VM, `ForkUnavailable` for this host, `DiskFull`. Missing where VMs cannot be forked.
   */
  fork?(vm: VmToCapture, target: string, options?: SaveOptions): Promise<Fork>;
  /** Removes what a killed daemon's fork of this VM left, and lets the VM go on. Nothing left: done. Missing where `fork` is. */
  tidy?(vm: VmToCapture): Promise<void>;
  /** Brings up the link of a restored VM. Up already: done. Missing where a restored VM is connected from the beginning. */
  connect?(vm: VmToCapture): Promise<void>;
  /**
   * The files of a checkpoint; restored VMs have overlays on its disks. Undefined when there is no whole one. Missing where a checkpoint is
   * one file.
   */
  files?(checkpoint: string): Promise<CheckpointFiles | undefined>;
}

/** All that a checkpoint depends on, by names that people read: two VMs with the same key can continue from one checkpoint. */
export type CheckpointKey = Readonly<Record<string, string>>;

export type CheckpointFiles = {
  readonly memory: string;
  readonly state: string;
  /** Where the state begins in its file. */
  readonly stateOffset?: number;
  readonly disk: string;
  readonly dataDisk?: string;
  readonly key: CheckpointKey;
};

/** One moment of a VM that ran on. */
export type Fork = {
  /** By the wall clock: RFC 3339. */
  readonly capturedAt: string;
  /** For how many milliseconds the fork paused the VM; 0 if the VM was paused before. */
  readonly pauseMs: number;
};

export type SaveOptions = {
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
};
