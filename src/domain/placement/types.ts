import type { GuestType } from '../guest-type.ts';
import type { LabelSelector } from '../selector.ts';

/** A hypervisor host as placement sees it: an element of H (SO-MVDS 4.2). All amounts are integers. */
export interface PlacementHost {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly group?: string;
  /** Whether new appliances may be placed here: its daemon answers, and it is not marked unschedulable. */
  readonly ready: boolean;
  /** The capabilities that its driver declares; absent means none. */
  readonly capabilities?: readonly string[];
  /** The types of guests that it can run; absent means any. */
  readonly guestTypes?: readonly GuestType[];
  readonly totalCpuMillis: number;
  readonly totalMemoryBytes: number;
  /** What is used already: see usage.ts. */
  readonly usedCpuMillis: number;
  readonly usedMemoryBytes: number;
  /** Tcpu, the share of the host's CPU that appliances may use, between 0 and 1. */
  readonly thresholdCpu: number;
  /** Tmem, the share of the host's memory that appliances may use, between 0 and 1. */
  readonly thresholdMemory: number;
  /** Bytes of its disk that new disks may take; absent means that nobody knows. */
  readonly freeDiskBytes?: number;
  /** Hosts of one machine share its ports, and have the same text here; absent means that it has ports of its own. */
  readonly portSpace?: string;
  /** The id of the directory that it shares with other hosts, while it can be used; absent means that it has none. */
  readonly sharedDirectory?: string;
  /** Its ports that somebody has. */
  readonly takenPorts?: ReadonlyMap<number, ApplianceName>;
  /** How many replicas of each service run here already, by `PlacementRequest.replicaOf`. */
  readonly replicas?: ReadonlyMap<string, number>;
}

/** An appliance in a sentence. */
export interface ApplianceName {
  readonly namespace: string;
  readonly name: string;
}

/** What one appliance needs: an element of P (SO-MVDS 4.2). Amounts are integers of zero or more. */
export interface PlacementRequest {
  readonly name: string;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  /** The hosts that the user appoints (SO-MVDS 4.1); absent or empty means any. */
  readonly hosts?: readonly string[];
  /** Selects the hosts that may be used by their labels; absent or empty means any. */
  readonly hostSelector?: LabelSelector;
  /** The capabilities that the host must have; absent means none. */
  readonly capabilities?: readonly NeededCapability[];
  /** The type of its guest where hosts tell types apart; absent means that it is not known. */
  readonly guestType?: GuestType;
  /** The host must have one of these shared directories; any, where none is named. Absent means that it needs none. */
  readonly sharedDirectories?: readonly string[];
  /** The appliance itself: what others read of it, and who may read others' names. */
  readonly appliance?: ApplianceName;
  /** The ports of the host that it must have. */
  readonly hostPorts?: readonly number[];
  /** What its disk takes at once; absent means nothing. */
  readonly diskBytes?: number;
  /** The service that it is a replica of: among hosts that are equally free, the one with the fewest takes it. */
  readonly replicaOf?: string;
}

/** What an appliance may need of a host besides room: one or the other kind of network, and what its VM is made of. */
export type NeededCapability = NeededNetwork | NeededForVm;
export type NeededNetwork = 'userNetwork' | 'bridgeNetwork';
export type NeededForVm = 'uefi' | 'dataDisk' | 'scsiDisk' | 'hvmCdDrive' | 'cdDrive' | 'capturable';

/** An element of D (SO-MVDS 4.2): the appliance and the host it goes to. */
export interface Placed {
  readonly request: string;
  readonly host: string;
}

/** The paper's −1: no host qualifies. */
export interface Unplaced {
  readonly request: string;
  readonly host: null;
  /**
   * Why no host qualified at this request's turn. Computed on each call: call it once, and only if needed.
   */
  explain(): Refusal;
}

export type Placement = Placed | Unplaced;

/** Why a request fits nowhere, host by host and in one sentence. */
export interface Refusal {
  readonly reasons: readonly HostReason[];
  readonly summary: string;
}

/** Why a request went to its host, in one sentence, and why not to others. */
export interface Justification {
  /**
   * The other hosts, in the order of Algorithm 2 (SO-MVDS 4.2), then appointed hosts that are not registered; as many as the
   * bounds allow.
   */
  readonly passedOver: readonly { readonly host: string; readonly message: string }[];
  readonly summary: string;
}

/** Why a host is excluded before amounts are compared. */
export type Exclusion =
  | 'NotReady'
  | 'NotAppointed'
  | 'SelectorMismatch'
  | 'NoUserNetwork'
  | 'NoBridge'
  | 'NoUefi'
  | 'NoDataDisks'
  | 'NoScsiDisks'
  | 'NoCds'
  | 'NoCdDrive'
  | 'NotCapturing'
  | 'NoHardwareVms'
  | 'NoSharedDirectory'
  | 'OtherSharedDirectory';

/** What a host may lack besides CPU and memory. */
export type Lack = 'PortInUse' | 'InsufficientDisk';

/** One reason against one host; a host that lacks memory and CPU has two. */
export type HostReason =
  | {
      readonly host: string;
      readonly reason: Exclusion | Lack | 'UnknownHost';
      readonly message: string;
    }
  | {
      readonly host: string;
      readonly reason: 'InsufficientMemory' | 'InsufficientCpu';
      /** Bytes or millicores that are still free; negative when the host is over its threshold. */
      readonly free: number;
      /** Requested bytes or millicores; the host must have *more* than this. */
      readonly needed: number;
      readonly message: string;
    };
