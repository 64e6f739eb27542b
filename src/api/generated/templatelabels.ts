// Generated from crds/templatelabels.yaml by `npm run generate`. Do not edit.

/**
 * What is wanted; a user writes it.
 */
export interface TemplateLabelSpec {
/**
 * What the label says of its templates.
 */
title: string
/**
 * More about it.
 */
description?: string
/**
 * The user whose classification it is.
 */
owner: string
/**
 * Whether users with similar labels are shown it.
 */
shared: boolean
/**
 * Users who follow the label.
 */
followers?: string[]
/**
 * The templates that it is assigned to.
 */
templates?: {
/**
 * A template's name.
 */
name: string
}[]
}

/**
 * What is found; Coppice alone writes it, and what is written by others does not last.
 */
export interface TemplateLabelStatus {
/**
 * The generation of the spec that this status speaks of.
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
 * Templates that carry it and exist.
 */
templates?: number
/**
 * People who follow it.
 */
followers?: number
}
