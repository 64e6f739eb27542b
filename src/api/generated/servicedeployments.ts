// Generated from crds/servicedeployments.yaml by `npm run generate`. Do not edit.

/**
 * What is wanted; a user writes it.
 */
export interface ServiceDeploymentSpec {
/**
 * Deployed: the declared appliances run. Recalled: the services are stopped and the VMs removed.
 */
state: ("Deployed" | "Recalled")
/**
 * What recalling the task keeps.
 */
recall: {
/**
 * Keep each appliance's image as a template of the service.
 */
save: boolean
}
/**
 * For a task of one service: how many appliances run it, in place of the service's own replicas. kubectl scale and autoscalers set it.
 */
replicas?: number
/**
 * The task, a collection of service deployment requests D = (S, C, R, P).
 */
services: {
/**
 * Name of the service within the task.
 */
name: string
/**
 * How many appliances run it; 1 when not given.
 */
replicas?: number
/**
 * How many of its appliances may be away at once while a change of the task is carried out.
 */
maxUnavailable: number
/**
 * S, the service's files. Exactly one of url, configMap and inline; without a package the template's own content is served.
 */
package?: {
/**
 * Where hosts fetch the package: file:, http: or https:. An archive (.tar, .tar.gz, .tgz, .zip) is unpacked, any other file is put as it is.
 */
url?: string
/**
 * Digest of the file at url, 64 lower-case hexadecimal digits. A file that differs is refused.
 */
sha256?: string
/**
 * A ConfigMap of the same namespace whose entries are the files.
 */
configMap?: {
/**
 * Its name.
 */
name: string
}
/**
 * The files themselves, for small services and examples; 512 KiB in all.
 */
inline?: {
/**
 * File name, relative to the service's folder, to its text.
 */
files: {
[k: string]: string
}
}
}
/**
 * C, the template with the container that the service runs in: by name, by series, or by a selector on templates' labels; exactly one of the three.
 */
template: {
/**
 * The template of this name.
 */
name?: string
/**
 * A template of this series: the most recently used one, else the newest version.
 */
series?: string
/**
 * A template with these labels: the most recently used one, else the newest version.
 */
selector?: {
/**
 * Labels that the template must carry with these values.
 */
matchLabels: {
[k: string]: string
}
}
/**
 * The template's namespace, when it is another; the template must be shared with this one.
 */
namespace?: string
/**
 * This version of the series.
 */
version?: string
/**
 * Pinned (what happens without it): the template chosen first is kept. Newest: follow the newest version of the series.
 */
policy?: ("Pinned" | "Newest")
}
/**
 * R, what each VM gets. Placement asks for exactly this much of a host.
 */
resources: {
/**
 * Virtual CPU time in cores, "500m" is half of one; the VM has this many virtual CPUs, rounded up.
 */
cpu: (number | string)
/**
 * Memory of the VM, such as 128Mi or 2Gi; at least 32Mi.
 */
memory: (number | string)
}
/**
 * P, what the guest and the service are configured with.
 */
parameters?: {
/**
 * Environment of the service; in the guest it stands in /etc/coppice/env.
 */
env?: {
[k: string]: string
}
/**
 * Hostname of the guest; with several replicas each gets its number behind it (web-0, web-1). Without it, the appliance's name.
 */
hostname?: string
/**
 * The service's name, in place of the one that the package's own description says.
 */
serviceName?: string
/**
 * Path below the container at which the service answers; / when not given.
 */
path?: string
/**
 * For containers of type command, the program and its arguments; no shell is involved.
 */
command?: string[]
/**
 * How to tell that the service answers, where the container type's own probe does not do. Exactly one of http, tcp and exec.
 */
probe?: {
/**
 * An HTTP GET that must answer with a status below 400.
 */
http?: {
/**
 * Path to get.
 */
path: string
/**
 * Port in the guest; the container's when not given.
 */
port?: number
}
/**
 * A connection that must open.
 */
tcp?: {
/**
 * Port in the guest; the container's when not given.
 */
port?: number
}
/**
 * A command in the guest that must exit with 0.
 */
exec?: {
/**
 * The program and its arguments; no shell is involved.
 */
command: string[]
}
}
}
/**
 * How the VM is reached.
 */
network: {
/**
 * User: the host forwards ports of its own address to the VM; no privileges and no bridge are needed. Bridge: the VM has an address of its own, from the pool, on its host's bridge. When not given: Bridge where a pool is named, else User.
 */
mode?: ("User" | "Bridge")
/**
 * The IPPool, of the same namespace, that gives the VM its address.
 */
pool?: string
/**
 * The address that the VM of a service of one replica is to have, of the pool; when not given, a free one.
 */
address?: string
/**
 * Ports of the guest to tell besides the container's own: forwarded in mode User, at the VM's own address in mode Bridge.
 */
ports?: {
/**
 * What the port is for; service names the container's own port.
 */
name: string
/**
 * Port in the guest.
 */
port: number
/**
 * Port on the host, in mode User only. Without it the host picks a free one and keeps it for the appliance's life.
 */
hostPort?: number
}[]
}
/**
 * Appoints hosts; most users do not.
 */
placement: {
/**
 * Only these hosts may be chosen.
 */
hosts?: string[]
/**
 * Only hosts whose labels match may be chosen.
 */
hostSelector?: {
/**
 * Labels that a host must carry with these values.
 */
matchLabels?: {
[k: string]: string
}
/**
 * Further requirements, all of which a host must meet.
 */
matchExpressions?: {
/**
 * The label's key.
 */
key: string
/**
 * How the label relates to the values.
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
 * How the VM comes up.
 */
start: {
/**
 * Checkpoint restores the template's memory image; where there is none that fits, the appliance boots cold and an Event says why.
 */
from: ("ColdBoot" | "Checkpoint")
}
/**
 * The VM's disk.
 */
disk: {
/**
 * Incremental: a copy-on-write overlay on the template. Clone: a full copy, the papers' baseline.
 */
mode: ("Incremental" | "Clone")
/**
 * Size of the disk when larger than the template's, such as 4Gi; the guest grows its file system itself.
 */
size?: (number | string)
}
/**
 * What becomes of an appliance whose host is gone. Stay: it waits for the host. Replace: a new one is made on another host, at the latest the old one is removed when its host is back. Reschedule: the same, keeping its disk where storage is shared.
 */
onHostFailure: ("Stay" | "Replace" | "Reschedule")
/**
 * How long to wait before trying again.
 */
timeouts: {
/**
 * From the VM's start to the first answer of its agent; then the VM is restarted.
 */
agentSeconds: number
/**
 * From the service's installation to its first answer; then it is installed again.
 */
serviceSeconds: number
}
}[]
}

/**
 * What is found; Coppice alone writes it, and what is written by others does not last.
 */
export interface ServiceDeploymentStatus {
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
 * Appliances declared, over all services.
 */
wantedReplicas?: number
/**
 * Appliances there are, over all services.
 */
replicas?: number
/**
 * Appliances whose service answers.
 */
readyReplicas?: number
/**
 * Label selector of the task's appliances; for autoscalers.
 */
selector?: string
/**
 * The first access point of the first service.
 */
url?: string
/**
 * Each service of the task.
 */
services?: {
/**
 * The service's name in the task.
 */
name: string
/**
 * The template that was chosen, as namespace/name.
 */
template?: string
/**
 * Appliances there are.
 */
replicas?: number
/**
 * Appliances whose service answers.
 */
readyReplicas?: number
/**
 * Appliances of the task as it is declared now.
 */
updatedReplicas?: number
/**
 * URLs at which the service answers; the first 100 of them, the others stand on the appliances.
 */
accessPoints?: string[]
}[]
/**
 * The deployment's time by Equation 1 of the paper, and the time it took.
 */
prediction?: {
/**
 * Tc + Ts, computing what is free and choosing hosts.
 */
placementSeconds?: number
/**
 * For each host, how long its VMs take: they are created in turn, and boot while others are created. The 100 longest.
 */
perHostSeconds?: {
[k: string]: number
}
/**
 * Tc + Ts + the longest of the hosts' times.
 */
totalSeconds?: number
/**
 * From the first appliance's creation until every service answered.
 */
actualSeconds?: number
/**
 * When the deployment of the present task began.
 */
startedTime?: string
}
}
