import { SERVICE_STATES } from '../../src/host/protocol.ts';

/**
 * Every reason that the operator itself gives in conditions and Events; those that a host's daemon reports pass through unchanged.
 * Users, tests and other programs rely on these words: they never change.
 */
export const REASON = {
  // Appliances, in the order in which they come up.

  /** Placement has not decided yet. */
  Pending: 'Pending',
  /** No host is registered, or none is ready. */
  NoHosts: 'NoHosts',
  /** Every host lacks something that the appliance asks for. */
  NoHostFits: 'NoHostFits',
  /** Only a port of the host that the appliance asks for is missing. Hosts report this reason, too. */
  PortInUse: 'PortInUse',
  /** The appliance has a host. */
  Placed: 'Placed',
  /** The host in `spec.hostName` is not registered. */
  HostNotFound: 'HostNotFound',
  /** The host lacks the kind of network that the appliance needs. */
  NetworkNotSupported: 'NetworkNotSupported',
  /** The host lacks what the VM is made of: UEFI, a second disk, a SCSI controller. */
  NotSupportedByHost: 'NotSupportedByHost',
  /** An amount in the spec is none; API servers refuse it by now, but may have it stored. */
  InvalidAmount: 'InvalidAmount',
  /** The host lacks the room for the new size of a VM, which keeps the one it has. */
  ResizePending: 'ResizePending',
  /** The guest of the template needs more memory than the appliance asks for. */
  MemoryBelowMinimum: 'MemoryBelowMinimum',
  /** SSH keys or user data, of a template whose guest has no cloud-init. */
  CloudInitMissing: 'CloudInitMissing',
  /** User data that cloud-init could not read. */
  UserDataInvalid: 'UserDataInvalid',
  /** The Secret with the user data is not there, or lacks the key. */
  SecretNotFound: 'SecretNotFound',
  /** The API server does not let the operator read the Secret. */
  SecretRefused: 'SecretRefused',
  /** The host has not reported the VM yet. Also the first state that a host reports. */
  VMUnavailable: 'VMUnavailable',
  /** The service answers. Also the last state that a host reports. */
  ServiceAvailable: 'ServiceAvailable',
  /** The host has not reported yet that the latest spec is carried out. */
  Updating: 'Updating',
  /** The VM is stopped because `spec.powerState` says so. */
  Stopped: 'Stopped',
  /** Likewise, but the guest did not shut itself down in time. */
  PoweredOff: 'PoweredOff',
  /** The VM is suspended because `spec.powerState` says so. */
  Suspended: 'Suspended',
  /** The VM was started: for the first time, after a crash, or for a change. */
  Started: 'Started',
  /** A VM that was to continue from a checkpoint boots. */
  CheckpointUnusable: 'CheckpointUnusable',
  /** A change of the spec is carried out. */
  Changed: 'Changed',
  /** The host is deleting the VM and its disk. */
  Deleting: 'Deleting',
  /** The host answers, and no longer has an appliance that ran there. */
  ApplianceMissing: 'ApplianceMissing',
  /** Deleted without its host, as an annotation asked. */
  ForceDeleted: 'ForceDeleted',

  // Packages: the files of a service.

  ConfigMapNotFound: 'ConfigMapNotFound',
  /** The API server does not let the operator read the ConfigMap. */
  ConfigMapRefused: 'ConfigMapRefused',
  /** Another ConfigMap has the name under which the task would keep its files. */
  RevisionConflict: 'RevisionConflict',
  PackageEmpty: 'PackageEmpty',
  PackageTooLarge: 'PackageTooLarge',

  // Pools and their addresses. What domain/ipam says about an address passes through: AddressReserved and others.

  AddressPoolNotFound: 'AddressPoolNotFound',
  /** The pool exists, and gives no addresses at present. */
  AddressPoolNotReady: 'AddressPoolNotReady',
  /** Every address of the pool is assigned or reserved. */
  AddressPoolExhausted: 'AddressPoolExhausted',
  /** The address that the appliance asks for does not belong to the pool. */
  AddressNotInPool: 'AddressNotInPool',
  /** Another appliance has the address that this one asks for, or that is reserved for it. */
  AddressInUse: 'AddressInUse',
  /** Two appliances believe that they have the same address. */
  AddressConflict: 'AddressConflict',
  /** The API server refuses what assigning an address takes. */
  AddressRefused: 'AddressRefused',
  /** The lease of an address in use was deleted, and created again. */
  AddressReclaimed: 'AddressReclaimed',
  /** The appliance is gone, and its VM may still use the address. */
  AddressHeld: 'AddressHeld',
  /** The pool's spec contradicts itself. */
  InvalidPool: 'InvalidPool',
  /** The pool's ranges contain no address that it may give. */
  NoAddresses: 'NoAddresses',
  NoOverlap: 'NoOverlap',
  PoolsOverlap: 'PoolsOverlap',

  // Templates.

  /** The template, or the pool, can be used. */
  Available: 'Available',
  /** The template does not exist, or is not shared. Which of the two, nobody outside its namespace learns. */
  TemplateNotFound: 'TemplateNotFound',
  /** The TemplateLabel does not exist, or is not visible. */
  LabelNotFound: 'LabelNotFound',
  TemplateDeleting: 'TemplateDeleting',
  ParentNotFound: 'ParentNotFound',
  /** The template's parent has no layer yet. */
  ParentNotReady: 'ParentNotReady',
  /** Steps are carried out that make the template, here or for another one with the same. */
  Building: 'Building',
  /** All steps of an appliance that builds are done, and its VM is off. */
  Built: 'Built',
  /** A ConfigMap or a Secret that a step copies does not exist, or lacks the entry. */
  BuildInputNotFound: 'BuildInputNotFound',
  /** The API server does not let the operator read it. */
  BuildInputRefused: 'BuildInputRefused',
  /** It is another one than when the build began. */
  BuildInputChanged: 'BuildInputChanged',
  /** An appliance names a template to build which does not exist, or is not built on the appliance's own template. */
  NothingToBuild: 'NothingToBuild',
  /** A host fetches the template's files, and none has them. */
  Fetching: 'Fetching',
  /** The file of a template is to be pushed, and no host has all of it. */
  NotUploaded: 'NotUploaded',
  /** The template's disk needs a kernel from elsewhere, and the template gives none. Hosts say so of an appliance, too. */
  NothingToBoot: 'NothingToBoot',
  /** The template names a firmware for which its disk has nothing to boot. Hosts say so of an appliance, too. */
  OtherFirmware: 'OtherFirmware',
  /** The template's mode is Shared, and no host has a directory that it shares. Hosts say so, too. */
  NoSharedDirectory: 'NoSharedDirectory',
  /** A host puts the template's layers into the directory that it shares. */
  Sharing: 'Sharing',
  /** A host makes a layer of an appliance's disk. */
  Sealing: 'Sealing',
  /** The appliance that the template is to be made of does not exist. Hosts say so, too. */
  ApplianceGone: 'ApplianceGone',
  /** No host has the template's layer, and it cannot be imported. */
  LayerLost: 'LayerLost',
  /** Hosts could not fetch the template's files, for different reasons. */
  ImportFailed: 'ImportFailed',
  /** No host has the template's layers yet. */
  TemplateNotReady: 'TemplateNotReady',
  /** Nothing uses the template, so that it is removed at a date. */
  Unused: 'Unused',
  /** The files of a deleted template were deleted from the hosts. */
  SpaceFreed: 'SpaceFreed',
  /** The template's file, imported again, became another layer than before. */
  ContentChanged: 'ContentChanged',

  // Hosts.

  HostReady: 'HostReady',
  /** The host's daemon does not know what this operator asks of it. */
  DaemonTooOld: 'DaemonTooOld',
  /** The operator has not reached the host's daemon yet. */
  Connecting: 'Connecting',
  HostUnreachable: 'HostUnreachable',
  /** The daemon at the host's address is that of another host. */
  NameMismatch: 'NameMismatch',
  /** The daemon's certificate is for another name. */
  CertificateMismatch: 'CertificateMismatch',
  /** The daemon's certificate has expired, or is from an unknown authority. */
  CertificateInvalid: 'CertificateInvalid',
  UnclaimedAppliances: 'UnclaimedAppliances',
  AllClaimed: 'AllClaimed',
  /** Layers that nothing needed there were deleted from the host. */
  LayersRemoved: 'LayersRemoved',
  /** Deleted, but something still uses it: a host, a template or a pool. */
  InUse: 'InUse',

  // Tasks: ServiceDeployments.

  Deploying: 'Deploying',
  Deployed: 'Deployed',
  Recalling: 'Recalling',
  Recalled: 'Recalled',
  /** Some services of the task are recalled, and the others run. */
  ServicesRecalled: 'ServicesRecalled',
  /** What was recalled runs again, or is to. */
  Redeployed: 'Redeployed',
  /** What was recalled runs again, but not from its images: it asks for another template. */
  ImagesNotUsed: 'ImagesNotUsed',
  /** Images of appliances are being made. */
  Saving: 'Saving',
  /** An image would have more layers than templates may have. Templates say so, too. */
  ChainTooDeep: 'ChainTooDeep',
  /** An appliance is deleted with its disk, and created again. */
  Replacing: 'Replacing',
  /** A task made appliances; the word that a ReplicaSet has for its pods. */
  SuccessfulCreate: 'SuccessfulCreate',
  /** A task deleted appliances, as far as that is up to it: their hosts delete the VMs. */
  SuccessfulDelete: 'SuccessfulDelete',
  /** Appliances that do not belong to the task have the names that its own would get. */
  NameConflict: 'NameConflict',
  /** `spec.replicas` of a task of several services is ignored. */
  SeveralServices: 'SeveralServices',
  /** No number of the task's is ignored any more. */
  OneNumber: 'OneNumber',
  /** The task made no progress for `spec.progressDeadlineSeconds`. */
  ProgressDeadlineExceeded: 'ProgressDeadlineExceeded',
  /** The API server refused a request for the task, or the binding of an appliance: a quota, a policy, a missing permission. */
  Refused: 'Refused',
} as const;

/** Reasons of a template's Ready while no host has judged its image. */
export const UNJUDGED: ReadonlySet<string> = new Set([
  REASON.Fetching,
  REASON.NotUploaded,
  REASON.Connecting,
  REASON.NoHosts,
]);

const PROGRESS: ReadonlySet<string> = new Set([
  ...SERVICE_STATES,
  REASON.Pending,
  REASON.TemplateNotReady,
  REASON.Sharing,
  REASON.Updating,
  REASON.Deleting,
  REASON.Stopped,
  REASON.PoweredOff,
  REASON.Suspended,
]);

const TASK_PROGRESS: ReadonlySet<string> = new Set([REASON.Deploying, REASON.Recalling, REASON.Deleting]);

/** Whether a reason of an appliance's Ready says that its VM is shut down as its spec asks. */
export function isStoppedReason(reason: string | undefined): boolean {
  return reason === REASON.Stopped || reason === REASON.PoweredOff;
}

/** Whether a reason of an appliance's Ready says that its VM does not run, as its spec asks. */
export function isOffReason(reason: string | undefined): boolean {
  return isStoppedReason(reason) || reason === REASON.Suspended;
}

/** Whether a reason of a task's Ready is ordinary progress. */
export function isTaskProgress(reason: string): boolean {
  return TASK_PROGRESS.has(reason);
}

/** Whether a reason of an appliance's Ready is ordinary progress. Any other reason means that something is in the way. */
export function isProgress(reason: string): boolean {
  return PROGRESS.has(reason);
}
