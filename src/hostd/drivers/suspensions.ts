import type { VmToCapture } from './captures.ts';
import type { SaveOptions } from './checkpoints.ts';

/** VMs that are off, with their memory in their folders. */
export interface Suspensions {
  /**
   * Writes the memory and the devices' state of the running VM into its folder, whole or not at all, and ends the VM, which is then
   * `Suspended`: its next `start` lets it go on from there, also after the host was off, and on the same host alone. Suspended already: done.
   * On failure, and when aborted, the VM runs on. If the daemon is killed, the VM may stay paused until the next `suspend` or `start`.
   * Rejects with `SuspendFailed` or `DiskFull`.
   */
  suspend(vm: VmToCapture, options?: SaveOptions): Promise<void>;
  /** Removes the memory of a suspended VM, which is then `Stopped`: its disk is as after a loss of power. Not suspended: done. */
  discard(vm: VmToCapture): Promise<void>;
}
