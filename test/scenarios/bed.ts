/** The daemon's identity; the certificates are PEMs. */
export interface DaemonIdentity {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
}

/** A VM as the hypervisor's own tools tell, not as anybody of Coppice does. */
export interface RunningVm {
  readonly uuid: string;
  /** Another one after each start: a process id, a domain's number. */
  readonly incarnation: string;
}

/** VMs' addresses on the host's bridge. */
export interface BedNetwork {
  readonly prefix: number;
  readonly gateway: string;
  /** First and last of the addresses that VMs may have. */
  readonly first: string;
  readonly last: string;
}

/**
 * One host with one hypervisor, on which the daemon runs: all that a scenario cannot do by the Kubernetes API. There is one
 * for each driver, and scenarios must not ask which one it is; where a hypervisor lacks something, its bed lacks the method.
 */
export interface Bed {
  readonly driver: 'qemu' | 'xen';
  readonly network: BedNetwork;
  /** The daemon's, on the host. */
  readonly stateDirectory: string;
  /** Starts the daemon with this identity, or again; resolves with the address at which it will answer. */
  startDaemon(identity: DaemonIdentity): Promise<string>;
  /** SIGKILL to the daemon; its VMs live on. */
  killDaemon(): Promise<void>;
  /** All that the daemons of this bed have logged, one JSON object a line. */
  daemonLog(): Promise<string>;
  /** Makes a file of this machine one that the daemon may read; resolves with its URL there. */
  provide(file: string): Promise<string>;
  /** Runs a program on the host; rejects with what it said when it fails. */
  run(argv: readonly string[]): Promise<string>;
  /** What is served at a URL, fetched by a program on the host. */
  fetch(url: string): Promise<string>;
  /** Those of Coppice that run, by uuid. */
  vms(): Promise<readonly RunningVm[]>;
  /** The host goes down without a warning and comes up again, its daemon not yet. */
  reboot(): Promise<void>;
  /** Where this machine, which is not the host, reaches a VM's port: `http://…` without a path. */
  outside(address: string, port: number): Promise<string>;
  /** A VM that is not Coppice's takes this name; it never runs a step of this kernel of this machine. */
  occupyName?(name: string, kernel: string): Promise<void>;
  /** Ends that VM; rejects when it is no longer as it was made. */
  releaseName?(name: string): Promise<void>;
  close(): Promise<void>;
}
