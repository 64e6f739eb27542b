// Generated from crds/templatelabels.yaml by `npm run generate`. Do not edit.

/**
 * Desired state, written by its owner.
 */
export interface TemplateLabelSpec {
/**
 * Short text of the label.
 */
title: string
/**
 * Longer text.
 */
description?: string
/**
 * The user who owns the label, by the name that the API server knows (kubectl auth whoami). Only that user creates, changes and deletes it, and who has the verb own-for-others on templatelabels, as cluster-admin has. The chart's ValidatingAdmissionPolicy and the embedded API server enforce it; where neither is, it is advisory.
 */
owner: string
/**
 * Who finds the label, by lists and suggestions, and may follow it. Private: its owner. Namespace: people of its namespace, too. Cluster: all, and tasks of every namespace may ask for it; of its own namespace they may in any case. RBAC alone decides who can read the object.
 */
visibility: ("Private" | "Namespace" | "Cluster")
/**
 * Templates that have the label, each as NAME in the label's namespace or NAMESPACE/NAME; one of another namespace must be shared with the label's.
 */
templates?: string[]
/**
 * The templates of the label's namespace whose Kubernetes labels match have it, too.
 */
selector?: {
/**
 * Labels that a template must have, with these values.
 */
matchLabels?: {
[k: string]: string
}
/**
 * Further requirements, all of which a template must meet.
 */
matchExpressions?: {
/**
 * The Kubernetes label's key.
 */
key: string
/**
 * Relation of the Kubernetes label to the values.
 */
operator: ("In" | "NotIn" | "Exists" | "DoesNotExist")
/**
 * For In and NotIn.
 */
values?: string[]
}[]
}
}

/**
 * Observed state, written by Coppice only; it overwrites what others write.
 */
export interface TemplateLabelStatus {
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
 * Templates that have the label.
 */
templates?: number
/**
 * Those of spec.templates that do not exist, or are not shared with the label's namespace; the first twenty.
 */
missing?: string[]
/**
 * Users who follow the label.
 */
followers?: number
}
