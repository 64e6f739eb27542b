// Generated from crds/hosts.yaml by `npm run generate`. Do not edit.

/**
 * Desired state, written by users.
 */
export interface HostSpec {
/**
 * Where its daemon listens, such as https://10.0.0.5:7443. The daemon's certificate must carry the name <host>.host.coppice.
 */
address: string
/**
 * Group of hosts that are close to each other, such as those of a rack: templates are copied to the groups with the fewest copies.
 */
group?: string
/**
 * If true, no new appliances are placed here; existing ones stay.
 */
unschedulable: boolean
/**
 * The share of the host that appliances may use: Tcpu and Tmem of the paper.
 */
thresholds: {
/**
 * Tcpu.
 */
cpu: number
/**
 * Tmem.
 */
memory: number
}
}

/**
 * Observed state, written by Coppice only; it overwrites what others write.
 */
export interface HostStatus {
/**
 * Generation of the spec that this status describes; -1 before the first reconcile.
 */
observedGeneration?: number
/**
 * Current conditions of the object. The first reconcile sets Ready, Reconciling and Stalled, which kstatus reads.
 */
conditions?: {
/**
 * Name of the condition.
 */
type: string
/**
 * Whether the condition is true.
 */
status: ("True" | "False" | "Unknown")
/**
 * Reason for the status, one CamelCase word; Events about it have the same reason.
 */
reason: string
/**
 * What happened, to which object, and what to do next.
 */
message: string
/**
 * Generation of the spec that the condition describes.
 */
observedGeneration?: number
/**
 * When the status last changed.
 */
lastTransitionTime: string
}[]
/**
 * Version of the daemon.
 */
daemonVersion?: string
/**
 * The driver that runs the VMs.
 */
driver?: {
/**
 * qemu, xen or simulated.
 */
name?: string
/**
 * Version of the hypervisor.
 */
version?: string
/**
 * kvm, tcg or xen.
 */
accelerator?: string
/**
 * Why it is not a faster one.
 */
acceleratorReason?: string
/**
 * Capabilities of the driver.
 */
capabilities?: string[]
}
/**
 * Total resources of the host.
 */
capacity?: {
/**
 * CPU in cores or millicores.
 */
cpu?: string
/**
 * Memory.
 */
memory?: string
/**
 * Disk space where layers and overlays are.
 */
disk?: string
}
/**
 * Resources in use, as the host measures them.
 */
used?: {
/**
 * CPU in cores or millicores.
 */
cpu?: string
/**
 * Memory.
 */
memory?: string
/**
 * Disk space where layers and overlays are.
 */
disk?: string
}
/**
 * The part of `used` that is the use of its appliances' VMs; unset while its daemon is too old to tell.
 */
usedByAppliances?: {
/**
 * CPU in cores or millicores.
 */
cpu?: string
/**
 * Memory.
 */
memory?: string
}
/**
 * Resources promised to the appliances bound to it.
 */
promised?: {
/**
 * CPU in cores or millicores.
 */
cpu?: string
/**
 * Memory.
 */
memory?: string
/**
 * Disk space where layers and overlays are.
 */
disk?: string
}
/**
 * Appliances bound to it.
 */
appliances?: number
/**
 * Id of the directory that it shares with other hosts, while it can be used: hosts with the same id share it.
 */
sharedDirectory?: string
/**
 * VMs on the host that no daemon of Coppice started. Coppice reports them and never changes them.
 */
foreignVms?: string[]
/**
 * Layers that it holds or fetches; at most 500.
 */
layers?: {
/**
 * Name of the layer, which follows from its content.
 */
identity: string
/**
 * A disk; a file to boot from, which is a kernel or an initial RAM disk; a CD; or, of a checkpoint, the memory and the state of the devices.
 */
kind?: ("disk" | "boot" | "cd" | "memory" | "state")
/**
 * State of the layer.
 */
state: ("Fetching" | "Ready" | "Failed")
/**
 * The error.
 */
message?: string
}[]
/**
 * When its daemon last reported; written once a minute and on every change.
 */
lastSeenTime?: string
}
