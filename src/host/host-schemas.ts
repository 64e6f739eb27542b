import { importStatusSchema, layerStatusSchema, sealStatusSchema } from './layer-schemas.ts';
import { problemSchema } from './problem.ts';
import { arrayOf, enumOf, open, optional, string } from './typed-schema.ts';
import { count, dnsLabel, instant, positive, sha256, uuid } from './values.ts';

/** `userNetwork`, `bridgeNetwork`: the modes of `network` in `desiredApplianceSchema` that work on the host now. */
type Capability =
  | 'serialCreation'
  | 'checkpoint'
  /** Running VMs can be forked. */
  | 'liveFork'
  | 'userNetwork'
  | 'bridgeNetwork'
  /** VMs can boot by UEFI, with a second disk, with disks at a SCSI controller. */
  | 'uefi'
  | 'dataDisk'
  | 'scsiDisk'
  /** Layers can be CDs, and VMs can have one; `cdDrive` says so of all VMs, `hvmCdDrive` of those that a firmware of their own starts. */
  | 'hvmCdDrive'
  | 'cdDrive'
  /** The memory of VMs with `capturable` can become layers, and others can continue from them. */
  | 'capturable';

const amounts = open({ cpuMillis: count, memoryBytes: count, diskBytes: count });

export const hostStatusSchema = open({
  name: string(),
  daemonVersion: string(),
  driver: open({
    /** A name of `src/api/drivers.ts`, or that of a newer daemon's driver. */
    name: string(),
    version: string(),
    /** `kvm`, `tcg`, `xen`, `none`; why, when it is not the fastest, in `acceleratorReason`. */
    accelerator: string(),
    acceleratorReason: optional(string()),
    capabilities: arrayOf(string<Capability>()),
    /** The types of guests (`xen.type` of an appliance) that run here; unset where that makes no difference, or is not known. */
    guestTypes: optional(arrayOf(enumOf(['PV', 'PVH', 'HVM']))),
    /** Set when the driver cannot work at all (QEMU missing, say): the host is then not ready. */
    problem: optional(problemSchema),
  }),
  capacity: amounts,
  /** Measured by the host, all processes together. */
  used: amounts,
  /** The part of `used` that each of the daemon's own VMs uses. Unset: the daemon is too old to know. */
  vmUse: optional(arrayOf(open({ uuid, cpuMillis: count, memoryBytes: count }))),
  /** Bytes of the disk that no new file may take. */
  diskReserveBytes: optional(count),
  /** Daemons of one machine share the ports that they forward, and have the same text here. */
  portSpace: optional(string()),
  /** The id of the directory that this host shares with others, while it can be used: hosts with the same one share it. */
  sharedDirectory: optional(string()),
  /** Unset: the daemon is too old to work with this operator. */
  imports: optional(arrayOf(importStatusSchema)),
  layers: arrayOf(layerStatusSchema),
  /** Unset: the daemon is too old to make layers of appliances. */
  seals: optional(arrayOf(sealStatusSchema)),
  queue: open({ waiting: count, running: count, concurrency: positive }),
  appliances: count,
  /** What a person should know about this host: its disk is nearly full, say. */
  problems: arrayOf(problemSchema),
  /** VMs on this host that no daemon of Coppice started: shown, never touched. */
  foreignVms: arrayOf(string()),
  /** Files that users pushed to this host, each for a namespace, and that wait to be imported. */
  uploads: optional(arrayOf(open({ namespace: dnsLabel, sha256 }))),
  startedAt: instant,
});
