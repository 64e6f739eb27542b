/** What the driver keeps in a VM's folder. */
export const vmFiles = {
  /** For people, and for `xl create`: the domain as it was last started. */
  configuration: 'domain.cfg',
  /** For the daemon after its restart: what cannot be asked of Xen. */
  note: 'domain.json',
  /** What xl says, over all starts. */
  log: 'xl.log',
  /** What former domains of the VM wrote to their consoles; what the present one writes is in xenconsoled's log. */
  console: 'console.log',
  /** The part that was cut off `console.log` last. */
  olderConsole: 'console.log.1',
} as const;
