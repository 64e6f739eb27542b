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
