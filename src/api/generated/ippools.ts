// Generated from crds/ippools.yaml by `npm run generate`. Do not edit.

/**
 * Desired state, written by users.
 */
export interface IPPoolSpec {
/**
 * Address family of the pool.
 */
family: ("IPv4" | "IPv6")
/**
 * Addresses of the pool. The network address, the broadcast address and the gateway are never leased, even if a range contains them.
 */
ranges: {
/**
 * First address.
 */
start: string
/**
 * Last address.
 */
end: string
}[]
/**
 * Addresses within the ranges that are never leased.
 */
exclusions?: string[]
/**
 * Addresses reserved for one appliance each; that appliance gets no other address.
 */
reservations?: {
/**
 * The address, in one of the ranges.
 */
address: string
/**
 * Name of the appliance, in the pool's namespace.
 */
appliance: string
}[]
/**
 * Prefix length of the network.
 */
prefix: number
/**
 * Default gateway of the guests; without one, guests reach only their own network.
 */
gateway?: string
/**
 * DNS servers of the guests.
 */
dns?: string[]
}

/**
 * Observed state, written by Coppice only; it overwrites what others write.
 */
export interface IPPoolStatus {
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
 * Addresses in the pool.
 */
total?: number
/**
 * Leased addresses.
 */
used?: number
/**
 * Free addresses.
 */
free?: number
}
