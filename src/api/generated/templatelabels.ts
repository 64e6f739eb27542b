// Generated from crds/templatelabels.yaml by `npm run generate`. Do not edit.

/**
 * Desired state, written by users.
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
 * The user who owns the label.
 */
owner: string
/**
 * Whether users with similar labels see it.
 */
shared: boolean
/**
 * Users who follow the label.
 */
followers?: string[]
/**
 * The templates that have the label.
 */
templates?: {
/**
 * A template's name.
 */
name: string
}[]
}

/**
 * Observed state, written by Coppice only; it overwrites what others write.
 */
export interface TemplateLabelStatus {
/**
 * Generation of the spec that this status describes.
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
 * Existing templates that have it.
 */
templates?: number
/**
 * Number of followers.
 */
followers?: number
}
