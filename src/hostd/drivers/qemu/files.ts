/** The driver's files in a VM's folder. QEMU runs in that folder, so these names are passed to it without a path. */
export const vmFiles = {
  /** What the VM was started with: for people, and for the daemon after a restart. */
  configuration: 'vm.json',
  /** What UEFI and the guest's boot loader remember of this VM; it stays as long as the VM's disk. */
  variables: 'efi-variables.fd',
  /** Written by QEMU, which removes it when it ends in order: if the file is left, QEMU crashed or was killed. */
  pid: 'qemu.pid',
  /** QEMU's output over all starts. */
  log: 'qemu.log',
  /** What was last cut off `qemu.log` while QEMU ran. */
  olderLog: 'qemu.log.1',
  monitor: 'qmp.sock',
  agent: 'agent.sock',
  /** Through this the state of the VM's devices comes, and goes. */
  state: 'state.sock',
  /** Leads to the folder that a fork of the running VM is being written to, as long as anything of that fork may be left. */
  fork: 'fork',
  /** As `fork`, for a VM that was paused before and is to stay so. */
  pausedFork: 'fork.paused',
  /** The record of a suspended VM, written when its memory file is complete. */
  suspended: 'suspended.json',
  /** The memory and the devices' state of a suspended VM. */
  suspendedMemory: 'suspended.memory',
  console: 'console.log',
  /** The socket through which a person uses the console. */
  consoleSocket: 'console.sock',
  /** What was last cut off `console.log`. */
  olderConsole: 'console.log.1',
} as const;
