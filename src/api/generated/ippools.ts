// Generated from crds/ippools.yaml by `npm run generate`. Do not edit.

/**
 * What is wanted; a user writes it.
 */
export interface IPPoolSpec {
/**
 * Address family of the pool.
 */
family: ("IPv4" | "IPv6")
/**
 * Addresses that the pool gives. The network's own address, its broadcast address and the gateway are never given, also where a range has them.
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
 * Addresses within the ranges that are never given.
 */
exclusions?: string[]
/**
 * Addresses that are given to one appliance only; it gets no other.
 */
reservations?: {
/**
 * The address, in one of the ranges.
 */
address: string
/**
 * Name of the appliance, of the pool's namespace.
 */
appliance: string
}[]
/**
 * Prefix length of the network.
 */
prefix: number
/**
 * Default gateway of the guests; without one they reach their own network only.
 */
gateway?: string
/**
 * DNS servers of the guests.
 */
dns?: string[]
}

/**
 * What is found; Coppice alone writes it, and what is written by others does not last.
 */
export interface IPPoolStatus {
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
 * Addresses that the pool gives.
 */
total?: number
/**
 * Addresses given.
 */
used?: number
/**
 * Addresses left.
 */
free?: number
}
