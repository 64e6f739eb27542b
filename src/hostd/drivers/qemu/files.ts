/** What the driver keeps in a VM's folder. QEMU runs in that folder, so it gets these names as they are. */
export const vmFiles = {
  /** For people, and for the daemon after its restart: what the VM was started with. */
  configuration: 'vm.json',
  /** Written by QEMU, and removed by it when it ends in order: a left one tells of a crash. */
  pid: 'qemu.pid',
  /** What QEMU says, over all starts. */
  log: 'qemu.log',
  monitor: 'qmp.sock',
  agent: 'agent.sock',
  console: 'console.log',
  /** Where a person's connection to the console goes. */
  consoleSocket: 'console.sock',
  /** The part of the console that was cut off `console.log` last. */
  olderConsole: 'console.log.1',
} as const;
