// Generated from crds/templatefollows.yaml by `npm run generate`. Do not edit.

/**
 * Desired state, written by the user.
 */
export interface TemplateFollowSpec {
/**
 * Who follows, by the name that the API server knows (kubectl auth whoami). Only that user creates, changes and deletes it, and who has the verb own-for-others on templatefollows, as cluster-admin has. The chart's ValidatingAdmissionPolicy and the embedded API server enforce it; where neither is, it is advisory.
 */
user: string
/**
 * The followed labels, each as NAMESPACE/NAME.
 */
labels?: string[]
}

/**
 * Observed state, written by Coppice only; it overwrites what others write.
 */
export interface TemplateFollowStatus {
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
 * Labels that exist and are visible to the user.
 */
labels?: number
/**
 * The followed labels that do not exist, or are not visible to the user; the first twenty.
 */
missing?: string[]
}
