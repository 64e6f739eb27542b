/**
 * The host daemon's API as types: what the operator asks of a host, and what a host answers.
 * JSON over HTTPS with mutual TLS; the schemas that check requests at the edge are in `schemas.ts`.
 *
 * Units: memory and disk in bytes, CPU in millicores, durations in seconds, instants in RFC 3339 with milliseconds.
 */

/** The states of a service in its VM, in the order they are reached (SO-MVDS section 5). */
export const SERVICE_STATES = ['VMUnavailable', 'VMReady', 'ContainerReady', 'ServiceAvailable'] as const;
export type ServiceState = (typeof SERVICE_STATES)[number];

/** Lower-case hex digest of the file as its source serves it. It names a layer on every host. */
export type Sha256 = string;

/** The DNS name that a daemon's certificate carries; the operator asks for it, so no host can answer for another. */
export function hostServerName(hostName: string): string {
  return `${hostName}.host.coppice`;
}

/** What a connection to `/v1/appliances/{uuid}/console` is upgraded to: the VM's console, bytes both ways. */
export const CONSOLE_PROTOCOL = 'coppice-console';

/** The organization a client certificate must carry to be served by a daemon. */
export const OPERATOR_ORGANIZATION = 'coppice:operators';

// ---------------------------------------------------------------------------------------------- layers

/** `PUT /v1/layers/{sha256}`: hold this file. `disk` becomes a read-only qcow2 layer; `boot` is a kernel or initrd. */
export type DesiredLayer = {
  readonly kind: 'disk' | 'boot';
  /** `file:`, `http:` or `https:`. The host fetches it and refuses it when the digest differs. */
  readonly url: string;
  /** For people: namespace/name of the Template that asked for it. */
  readonly template: string;
};

export type LayerState = 'Fetching' | 'Ready' | 'Failed';

export type LayerStatus = {
  readonly sha256: Sha256;
  readonly kind: DesiredLayer['kind'];
  readonly state: LayerState;
  readonly template: string;
  readonly fetchedBytes: number;
  /** As far as the source told. */
  readonly totalBytes?: number;
  /** Size the guest sees; known when Ready, for disks only. */
  readonly virtualBytes?: number;
  readonly storedBytes?: number;
  readonly seconds?: number;
  readonly problem?: Problem;
  /** uuids of the appliances whose disks stand on it: while there are any it cannot be deleted (409). */
  readonly heldBy: readonly string[];
};

// ------------------------------------------------------------------------------------------ appliances

export type GuestBoot =
  | { readonly kind: 'firmware' }
  | {
      readonly kind: 'direct';
      readonly kernel: Sha256;
      readonly initrd?: Sha256;
      readonly commandLine: string;
    };

/** How the guest runs under Xen, from the Template's `spec.guest.xen`; hosts with another driver pass it over. */
export type XenGuest = {
  /** Unset: PV where a kernel is given or a boot loader named, else HVM. */
  readonly type?: 'PV' | 'PVH' | 'HVM';
  /** What finds the kernel of a PV or PVH guest on its own disk: GRUB in the guest itself (unset), or pygrub in dom0. */
  readonly bootLoader?: 'PvGrub' | 'PyGrub';
};

export type GuestPort = { readonly name: string; readonly guestPort: number };

/** `hostPort` unset: the host picks a free one and keeps it for the appliance's life. */
export type PortRequest = GuestPort & { readonly hostPort?: number };

/**
 * `user`: the hypervisor's user networking, ports forwarded from the host's own address.
 * `bridge`: an interface on the host's bridge with an address of its own, IPv4 or IPv6, set in the guest at each boot;
 * gateway and DNS servers likewise. Without `dns` the guest keeps the servers that its template names.
 */
export type DesiredNetwork =
  | { readonly mode: 'user'; readonly ports: readonly PortRequest[] }
  | {
      readonly mode: 'bridge';
      readonly ports: readonly GuestPort[];
      readonly address: string;
      readonly prefixLength: number;
      readonly gateway?: string;
      readonly dns: readonly string[];
    };

export type DesiredPackage =
  | { readonly kind: 'archive'; readonly url: string; readonly sha256: Sha256 }
  /** File name → content in base64. */
  | { readonly kind: 'files'; readonly files: Readonly<Record<string, string>> };

/** What runs services in the guest, from the Template's `spec.container`. */
export type DesiredContainer = {
  readonly type: string;
  readonly name?: string;
  readonly port: number;
  readonly scheme?: 'http' | 'https';
  readonly documentRoot?: string;
};

export type DesiredProbe =
  | { readonly kind: 'http'; readonly path: string; readonly port?: number }
  | { readonly kind: 'tcp'; readonly port?: number }
  | { readonly kind: 'exec'; readonly command: readonly string[] };

/** D = (S, C, R, P) less R: the service of an appliance (SO-MVDS section 5). */
export type DesiredService = {
  readonly name: string;
  readonly container: DesiredContainer;
  readonly package?: DesiredPackage;
  readonly parameters: {
    readonly env?: Readonly<Record<string, string>>;
    readonly hostname?: string;
    readonly serviceName?: string;
    readonly path?: string;
    readonly command?: readonly string[];
    readonly probe?: DesiredProbe;
  };
};

/** `PUT /v1/appliances/{uuid}`: complete and idempotent; an older generation than the known one is refused with 409. */
export type DesiredAppliance = {
  readonly uuid: string;
  readonly generation: number;
  readonly namespace: string;
  readonly name: string;
  readonly powerState: 'Running' | 'Stopped';
  readonly layer: Sha256;
  readonly boot: GuestBoot;
  readonly xen?: XenGuest;
  readonly disk: { readonly mode: 'Incremental' | 'Clone'; readonly sizeBytes?: number };
  readonly resources: { readonly cpuMillis: number; readonly memoryBytes: number };
  readonly network: DesiredNetwork;
  readonly service: DesiredService;
  /** How long the agent may take to answer after the VM's start before the VM is restarted. */
  readonly agentTimeoutSeconds: number;
  /** How long the service may take to answer after its installation before it is installed again. */
  readonly serviceTimeoutSeconds: number;
};

/** Why something is not as it should be. `reason` is CamelCase and becomes the condition's and the Event's reason. */
export type Problem = {
  readonly reason: string;
  /** What happened, to which object, and what to do next. */
  readonly message: string;
  /** Unset: nothing will be tried again until the desired state changes. */
  readonly retryAt?: string;
};

/** The steps of an appliance on its host, in their order; `Stop` stands alone, for one that shall not run. */
export const STEP_NAMES = [
  'Layers',
  'Ports',
  'Disk',
  'Start',
  'Agent',
  'Network',
  'Configure',
  'Container',
  'Package',
  'Install',
  'Service',
  'Stop',
] as const;
export type StepName = (typeof STEP_NAMES)[number];

export type StepState = 'Running' | 'Done' | 'Failed';

export type StepStatus = {
  readonly name: StepName;
  readonly state: StepState;
  readonly attempts: number;
  readonly startedAt: string;
  /** Of the last attempt; grows while it runs. */
  readonly seconds: number;
  readonly message?: string;
};

export type Endpoint = {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly guestPort: number;
};

export type VmStatus = {
  readonly state: 'Absent' | 'Running' | 'Paused' | 'Stopped' | 'Crashed';
  readonly pid?: number;
  readonly startedAt?: string;
  readonly accelerator?: string;
  readonly commandLine?: readonly string[];
};

export type ApplianceStatus = {
  readonly uuid: string;
  /** The generation that this status speaks of. */
  readonly generation: number;
  readonly namespace: string;
  readonly name: string;
  readonly deleting: boolean;
  readonly serviceState: ServiceState;
  readonly vm: VmStatus;
  /** Set from the first ServiceAvailable on; kept while the service is briefly away, cleared when the VM stops. */
  readonly accessPoints: readonly string[];
  readonly endpoints: readonly Endpoint[];
  readonly steps: readonly StepStatus[];
  readonly problem?: Problem;
  readonly diskPath?: string;
  readonly diskBytes?: number;
};

// ------------------------------------------------------------------------------------------------ host

/** `userNetwork`, `bridgeNetwork`: the modes of {@link DesiredNetwork} that work there now. */
export type Capability = 'serialCreation' | 'checkpoint' | 'hotplug' | 'userNetwork' | 'bridgeNetwork';

export type HostStatus = {
  readonly name: string;
  readonly daemonVersion: string;
  readonly driver: {
    readonly name: string;
    readonly version: string;
    /** `kvm`, `tcg`, `xen`, `none`; why, when it is not the fastest, in `acceleratorReason`. */
    readonly accelerator: string;
    readonly acceleratorReason?: string;
    readonly capabilities: readonly Capability[];
    /** Set when the driver cannot work at all (QEMU missing, say): the host is then not ready. */
    readonly problem?: Problem;
  };
  readonly capacity: { readonly cpuMillis: number; readonly memoryBytes: number; readonly diskBytes: number };
  /** Measured by the host, all processes together. */
  readonly used: { readonly cpuMillis: number; readonly memoryBytes: number; readonly diskBytes: number };
  readonly layers: readonly LayerStatus[];
  readonly queue: { readonly waiting: number; readonly running: number; readonly concurrency: number };
  readonly appliances: number;
  /** What a person should know about this host: its disk is nearly full, say. */
  readonly problems: readonly Problem[];
  /** VMs on this host that no appliance claims: shown, never touched. */
  readonly foreignVms: readonly string[];
  readonly startedAt: string;
};

// ---------------------------------------------------------------------------------------------- events

/**
 * `GET /v1/events`, server-sent events. `id` is `<daemon start>-<sequence>`; a `Last-Event-ID` that the daemon no
 * longer knows is answered by one `reset` event, after which every appliance and layer and the host follow once.
 */
export type HostEvent =
  | { readonly type: 'reset' }
  | { readonly type: 'host'; readonly host: HostStatus }
  | { readonly type: 'layer'; readonly layer: LayerStatus }
  | { readonly type: 'layerGone'; readonly sha256: Sha256 }
  | { readonly type: 'appliance'; readonly appliance: ApplianceStatus }
  | { readonly type: 'applianceGone'; readonly uuid: string };

/** Body of every answer that is not 2xx. */
export type ErrorBody = { readonly error: Problem & { readonly field?: string } };
