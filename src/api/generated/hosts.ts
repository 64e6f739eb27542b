// Generated from crds/hosts.yaml by `npm run generate`. Do not edit.

/**
 * What is wanted; a user writes it.
 */
export interface HostSpec {
/**
 * Where its daemon listens, such as https://10.0.0.5:7443. The daemon's certificate must carry the name <host>.host.coppice.
 */
address: string
/**
 * Hosts of one group are near each other; placement and replication work group first.
 */
group?: string
/**
 * No new appliances are placed here; those that are here stay.
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
 * What is found; Coppice alone writes it, and what is written by others does not last.
 */
export interface HostStatus {
/**
 * The generation of the spec that this status speaks of; -1 before the first look at it.
 */
observedGeneration?: number
/**
 * What is true of the object now. Ready, Reconciling and Stalled are there from the first reconcile on, as kstatus reads them.
 */
conditions?: {
/**
 * What the condition is about.
 */
type: string
/**
 * Whether it holds.
 */
status: ("True" | "False" | "Unknown")
/**
 * Why, in one CamelCase word; Events about it carry the same word.
 */
reason: string
/**
 * What happened, to which object, and what to do next.
 */
message: string
/**
 * The generation of the spec that the condition speaks of.
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
 * What runs the VMs.
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
 * What the driver can do.
 */
capabilities?: string[]
}
/**
 * What the host has in all.
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
 * What the host measures as used.
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
 * What is promised to the appliances bound to it.
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
 * VMs on the host that no appliance claims. They are shown and never touched.
 */
foreignVms?: string[]
/**
 * Layers that it holds or fetches; at most 500.
 */
layers?: {
/**
 * Digest that names the layer.
 */
sha256: string
/**
 * The template it belongs to, as namespace/name.
 */
template?: string
/**
 * How it stands.
 */
state: ("Fetching" | "Ready" | "Failed")
/**
 * What was wrong.
 */
message?: string
}[]
/**
 * When its daemon was last heard; written once a minute and on every change.
 */
lastSeenTime?: string
}
