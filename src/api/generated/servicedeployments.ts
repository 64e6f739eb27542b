// Generated from crds/servicedeployments.yaml by `npm run generate`. Do not edit.

/**
 * Desired state, written by users.
 */
export interface ServiceDeploymentSpec {
/**
 * Deployed: the declared appliances run. Recalled: the services are stopped and the VMs removed; services[].state recalls one service.
 */
state: ("Deployed" | "Recalled")
/**
 * What a recall keeps.
 */
recall: {
/**
 * Keep each appliance's disks as a template of the service, from which it starts again. A VM is removed once its image is sealed, verified and on as many hosts as minCopies asks for.
 */
save: boolean
/**
 * Number of hosts that must have an image before its VM is removed.
 */
minCopies: number
}
/**
 * How long the task may make no progress (an appliance more that exists, answers or is as declared) before the condition Progressing becomes False. Nothing is rolled back.
 */
progressDeadlineSeconds: number
/**
 * For a task of one service: number of appliances. kubectl scale and autoscalers set it; unset, it is filled in from the service's own replicas, and a later change of those is carried over. A task of several services ignores it, with the condition ReplicasIgnored.
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
 * Recalled: the service is stopped and its VMs are removed, while the others run. Default: Deployed.
 */
state?: ("Deployed" | "Recalled")
/**
 * Number of appliances; default 1.
 */
replicas?: number
/**
 * Number of its appliances that may be unavailable at once during a rolling change; default 1.
 */
maxUnavailable?: number
/**
 * How a change reaches the service's appliances, each in turn. InPlace (default): the VM keeps its disk, and restarts where it must (resources, size of the disk); only another template, network or mode of the disk makes a new one. Replace: every change makes a new VM with a new disk.
 */
strategy?: ("InPlace" | "Replace")
/**
 * S, the service's files. Exactly one of url, configMap and inline; without a package the template's own content is served.
 */
package?: {
/**
 * Where hosts fetch the package: file:, http: or https:. An archive (.tar, .tar.gz, .tgz, .zip) is unpacked, any other file is copied as it is.
 */
url?: string
/**
 * Digest of the file at url, 64 lower-case hexadecimal digits. A file with another digest is refused.
 */
sha256?: string
/**
 * A ConfigMap of the same namespace whose entries are the files. A change of its content rolls like any other; the contents in use are kept in ConfigMaps of the task's own.
 */
configMap?: {
/**
 * Its name.
 */
name: string
}
/**
 * The files themselves, for small services and examples; at most 512 KiB in total.
 */
inline?: {
/**
 * Text of each file, by file name relative to the service's folder.
 */
files: {
[k: string]: string
}
}
}
/**
 * C, the template with the container that the service runs in: by name, by series, by a selector on templates' Kubernetes labels, or by a TemplateLabel; exactly one of the four.
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
 * Labels that the template must have, with these values.
 */
matchLabels: {
[k: string]: string
}
}
/**
 * A template that the TemplateLabel of this name gives and this namespace may use: the most recently used one, else the newest version. The choice stays when the label changes.
 */
label?: string
/**
 * The namespace of the template, or of the label, if different. The template must be shared with this namespace; a label of another namespace must have the visibility Cluster.
 */
namespace?: string
/**
 * This version of the series.
 */
version?: string
/**
 * Pinned (default): keep the template that was chosen first. Newest: follow the newest version of the series.
 */
policy?: ("Pinned" | "Newest")
}
/**
 * R, the resources of each VM. Placement reserves exactly this much on a host. A change restarts each VM in turn, with its disk.
 */
resources?: {
/**
 * CPU in cores; "500m", the default, is half a core. The VM has this many virtual CPUs, rounded up.
 */
cpu?: (number | string)
/**
 * Memory of the VM, such as 128Mi or 2Gi; at least 32Mi, default 256Mi.
 */
memory?: (number | string)
}
/**
 * P, the configuration of the guest and the service.
 */
parameters?: {
/**
 * Environment of the service; in the guest it is in /etc/coppice/env.
 */
env?: {
[k: string]: string
}
/**
 * Hostname of the guest; with several replicas, each one's number is appended (web-0, web-1). Default: the appliance's name.
 */
hostname?: string
/**
 * Public SSH keys, as in authorized_keys, of the guest's default user, such as debian or fedora. For templates with guest.init cloud-init, at a VM's first boot: a change counts for new VMs.
 */
sshAuthorizedKeys?: string[]
/**
 * What cloud-init does in the guest beside what Coppice tells it. For templates with guest.init cloud-init, at a VM's first boot: a change counts for new VMs.
 */
cloudInit?: {
/**
 * A Secret of the same namespace with the user data in one of its keys. The operator reads it when it sends the appliance to its host, and needs the right to do so, which it has in the namespaces that its chart names (rbac.secretNamespaces).
 */
userDataSecret?: {
/**
 * Its name.
 */
name: string
/**
 * The key that has it.
 */
key: string
}
/**
 * User data in any form that cloud-init knows: #cloud-config, a script (#!), a MIME archive. Whoever may read the object reads it: give no passwords, but their hashes, or userDataSecret.
 */
userData?: string
}
/**
 * The service's name; overrides the name in the package's own description.
 */
serviceName?: string
/**
 * Path below the container at which the service answers; default /.
 */
path?: string
/**
 * For containers of type command, the program and its arguments; no shell is involved.
 */
command?: string[]
/**
 * Readiness probe of the service, in place of the container type's own. Exactly one of http, tcp and exec.
 */
probe?: {
/**
 * An HTTP GET that must answer with a status below 400.
 */
http?: {
/**
 * Path to get; default /.
 */
path?: string
/**
 * Port in the guest; default: the container's port.
 */
port?: number
}
/**
 * A TCP connection that must open.
 */
tcp?: {
/**
 * Port in the guest; default: the container's port.
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
network?: {
/**
 * User: the host forwards ports of its own address to the VM; this needs neither privileges nor a bridge. Bridge: the VM has an address of its own, from the pool, on its host's bridge. Default: Bridge if a pool is named, else User.
 */
mode?: ("User" | "Bridge")
/**
 * The IPPool, in the same namespace, from which the VM gets its address.
 */
pool?: string
/**
 * The VM's address, from the pool, for a service of one replica; default: a free one.
 */
address?: string
/**
 * Further ports of the guest to publish, besides the container's own: forwarded in mode User, at the VM's own address in mode Bridge.
 */
ports?: {
/**
 * Name of the port; service is the container's own port.
 */
name: string
/**
 * Port in the guest.
 */
port: number
/**
 * Port on the host, in mode User only. Default: the host chooses a free one and keeps it for the appliance's life.
 */
hostPort?: number
}[]
}
/**
 * Restricts the choice of hosts; most users leave it out.
 */
placement?: {
/**
 * Only these hosts may be chosen.
 */
hosts?: string[]
/**
 * Only hosts whose labels match may be chosen.
 */
hostSelector?: {
/**
 * Labels that a host must have, with these values.
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
 * Relation of the label to the values.
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
start?: {
/**
 * ColdBoot is the default. Checkpoint: a VM that never ran continues from the memory that its template has, or from the checkpoint of its size that the template keeps (checkpoint.enabled), as a machine of its own. One that cannot boots: status.start of the appliance, or its step Start, says why.
 */
from?: ("ColdBoot" | "Checkpoint")
}
/**
 * The VM's disks.
 */
disk?: {
/**
 * Incremental (default): a copy-on-write overlay on the template. Clone: a full copy, the papers' baseline.
 */
mode?: ("Incremental" | "Clone")
/**
 * Size of the disk if larger than the template's, such as 4Gi. It may grow later, which restarts the VM, and never shrinks. The guest's root file system (ext4, xfs or btrfs) and its partition are made as large, or the step Grow says why not.
 */
size?: (number | string)
/**
 * A second, empty disk, which the guest formats and mounts: /dev/disk/by-id/virtio-coppice-data on QEMU hosts (scsi-0QEMU_QEMU_HARDDISK_coppice-data at a SCSI controller), /dev/xvdb on Xen hosts. It may be added later, which restarts the VM, and is deleted with the appliance.
 */
data?: {
/**
 * Its size, such as 20Gi. It may grow later, which restarts the VM, and never shrinks. The file system on it is the guest's to grow.
 */
size: (number | string)
}
}
/**
 * What happens to an appliance whose host is gone. Stay (default): it waits for the host. Replace: a new one is created on another host; the old one is removed at the latest when its host is back. Reschedule: like Replace, but keeps the disk where storage is shared.
 */
onHostFailure?: ("Stay" | "Replace" | "Reschedule")
/**
 * Time limits after which a step is retried.
 */
timeouts?: {
/**
 * Limit from the VM's start to its agent's first answer, default 300; after it, the VM is restarted.
 */
agentSeconds?: number
/**
 * Limit from the service's installation to its first answer, default 300; after it, the service is installed again.
 */
serviceSeconds?: number
}
}[]
}

/**
 * Observed state, written by Coppice only; it overwrites what others write.
 */
export interface ServiceDeploymentStatus {
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
 * Desired appliances of all services.
 */
wantedReplicas?: number
/**
 * Existing appliances of all services.
 */
replicas?: number
/**
 * Appliances whose service answers, be it that of an earlier task.
 */
readyReplicas?: number
/**
 * Label selector of the task's appliances; for autoscalers.
 */
selector?: string
/**
 * Appliances whose images the last recall with save has kept, of all services.
 */
savedReplicas?: number
/**
 * The replicas of the only service, as its spec says.
 */
declaredReplicas?: number
/**
 * When the task last made progress; spec.progressDeadlineSeconds counts from it.
 */
lastProgressTime?: string
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
 * The chosen template, as namespace/name.
 */
template?: string
/**
 * The TemplateLabel by which it was chosen, as namespace/name.
 */
templateLabel?: string
/**
 * Why it was chosen, when it was.
 */
templateReason?: string
/**
 * Whether it is to run, is being recalled, or was recalled.
 */
state?: ("Deployed" | "Recalling" | "Recalled")
/**
 * Number of its last recall with save: the version of the images that it kept.
 */
recall?: number
/**
 * Appliances whose images that recall has kept.
 */
savedReplicas?: number
/**
 * The image of its first appliance from which it starts in place of the template, as namespace/name; each other appliance starts from its own, if it has one.
 */
image?: string
/**
 * Why it starts from images, or why it does not although there are some.
 */
imageReason?: string
/**
 * Existing appliances.
 */
replicas?: number
/**
 * Appliances whose service answers.
 */
readyReplicas?: number
/**
 * Appliances that are as the current task declares, their services included.
 */
updatedReplicas?: number
/**
 * The first 100 URLs at which the service answers; more in the status of each appliance.
 */
accessPoints?: string[]
}[]
/**
 * Deployment time as predicted by Equation 1 of the paper, and as measured.
 */
prediction?: {
/**
 * Tc + Ts: computing free resources and choosing hosts.
 */
placementSeconds?: number
/**
 * Time per host for its VMs, which are created one by one and boot while others are created. The 100 longest.
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
 * When the deployment of the current spec began.
 */
startedTime?: string
}
}
