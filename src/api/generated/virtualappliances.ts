// Generated from crds/virtualappliances.yaml by `npm run generate`. Do not edit.

/**
 * Desired state, written by users.
 */
export interface VirtualApplianceSpec {
/**
 * Desired power state of the VM. Suspended: its memory is written to the disk of its host, and the VM is off; with Running it continues from there. Only hosts with QEMU do it.
 */
powerState: ("Running" | "Stopped" | "Suspended")
/**
 * Whether the memory of its VM can be saved (source.appliance.memory of a template) on a host that cannot fork running VMs. It takes effect at the VM's next start. Only hosts with QEMU save memory.
 */
capturable?: boolean
/**
 * The host that the appliance is bound to. Placement sets it once.
 */
hostName?: string
/**
 * Identity of the service.
 */
service: {
/**
 * The service's name; default: the appliance's name.
 */
name?: string
}
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
 * A ConfigMap of the same namespace whose entries are the files.
 */
configMap?: {
/**
 * Its name.
 */
name: string
/**
 * The immutable ConfigMap with the content that this appliance shall have. Its task sets it, and changes it in turn; without it, each change of the ConfigMap is carried out at once.
 */
revision?: string
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
 * C, the appliance's template.
 */
template: {
/**
 * Its name.
 */
name: string
/**
 * Its namespace, if different; the template must be shared with this namespace.
 */
namespace?: string
}
/**
 * R, the resources of each VM. Placement reserves exactly this much on a host. A change restarts the VM with its disk, where its host has the room; until then the condition Ready says ResizePending.
 */
resources: {
/**
 * CPU in cores; "500m" is half a core. The VM has this many virtual CPUs, rounded up.
 */
cpu: (number | string)
/**
 * Memory of the VM, such as 128Mi or 2Gi; at least 32Mi.
 */
memory: (number | string)
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
 * Path to get.
 */
path: string
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
network: {
/**
 * User: the host forwards ports of its own address to the VM; this needs neither privileges nor a bridge. Bridge: the VM has an address of its own, from the pool, on its host's bridge. Default: Bridge if a pool is named, else User.
 */
mode?: ("User" | "Bridge")
/**
 * The IPPool, in the same namespace, from which the VM gets its address.
 */
pool?: string
/**
 * The VM's address, from the pool; default: a free one.
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
start: {
/**
 * Checkpoint: a VM that never ran continues from the memory that its template has, or from the checkpoint of its size that the template keeps (checkpoint.enabled), as a machine of its own. One that cannot boots: status.start, or its step Start, says why.
 */
from: ("ColdBoot" | "Checkpoint")
}
/**
 * The VM's disks.
 */
disk: {
/**
 * Incremental: a copy-on-write overlay on the template. Clone: a full copy, the papers' baseline.
 */
mode: ("Incremental" | "Clone")
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
 * The appliance builds a template, and has no service. Coppice makes such appliances of templates with source.build.
 */
build?: {
/**
 * The template, of the same namespace.
 */
template: string
/**
 * What is built: digest of parent, steps, inputs and revision.
 */
key: string
/**
 * The versions of the ConfigMaps and Secrets that are copied: others are not.
 */
inputs?: {
/**
 * The step, from 1.
 */
step: number
/**
 * Uid and resourceVersion of the object.
 */
version: string
}[]
}
/**
 * What happens to an appliance whose host is gone. Stay: it waits for the host. Replace: a new one is created on another host; the old one is removed at the latest when its host is back. Reschedule: like Replace, but keeps the disk where storage is shared.
 */
onHostFailure: ("Stay" | "Replace" | "Reschedule")
/**
 * Time limits after which a step is retried.
 */
timeouts: {
/**
 * Limit from the VM's start to its agent's first answer; after it, the VM is restarted.
 */
agentSeconds: number
/**
 * Limit from the service's installation to its first answer; after it, the service is installed again.
 */
serviceSeconds: number
}
}

/**
 * Observed state, written by Coppice only; it overwrites what others write.
 */
export interface VirtualApplianceStatus {
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
 * Generation of the spec with which Ready was last True.
 */
readyGeneration?: number
/**
 * UUID of the VM; equal to the object's uid.
 */
uuid?: string
/**
 * VMUnavailable: the agent does not answer. VMReady: the agent answers. ContainerReady: the container is ready, too. ServiceAvailable: the service answers.
 */
serviceState?: ("VMUnavailable" | "VMReady" | "ContainerReady" | "ServiceAvailable")
/**
 * The first access point.
 */
url?: string
/**
 * URLs at which the service answers.
 */
accessPoints?: string[]
/**
 * Endpoints at which the guest's ports can be reached.
 */
endpoints?: {
/**
 * The port's name.
 */
name: string
/**
 * Address of the endpoint.
 */
address: string
/**
 * Port at that address.
 */
port: number
/**
 * Port in the guest.
 */
guestPort: number
}[]
/**
 * How the VM comes up when it is made, for spec.start.from Checkpoint. Set once, before the VM is created.
 */
start?: {
/**
 * Checkpoint: it continues from the memory that the template in `template` has, and its disk stands on that one's. ColdBoot: it boots; the message says why.
 */
from: ("ColdBoot" | "Checkpoint")
/**
 * The template with the memory, in the appliance's namespace.
 */
template?: string
/**
 * Why it boots, and what to do.
 */
message?: string
}
/**
 * The VM's address and its network settings. Set once, before the VM is created; later changes of the pool do not affect it.
 */
network?: {
/**
 * The address.
 */
address: string
/**
 * Prefix length of its network.
 */
prefix: number
/**
 * The guest's default gateway.
 */
gateway?: string
/**
 * The guest's DNS servers.
 */
dns?: string[]
/**
 * The IPPool of the address, in the appliance's namespace.
 */
pool: string
}
/**
 * What the VM was started with; while a change of spec.resources waits, it has this.
 */
resources?: {
/**
 * Share of the host's CPU that is promised to it.
 */
cpu?: string
/**
 * Its memory.
 */
memory?: string
}
/**
 * How far the build of a template is, as its host reports it.
 */
build?: {
/**
 * Built: the VM is off for good. Failed: it is left as it is.
 */
state?: ("Building" | "Cleaning" | "Stopping" | "Built" | "Failed")
/**
 * The step that runs; one more than there are when all are done.
 */
step?: number
/**
 * How many there are.
 */
steps?: number
/**
 * What the step is called.
 */
name?: string
/**
 * How often it has begun.
 */
attempt?: number
/**
 * Why it has failed.
 */
failure?: {
/**
 * The step that failed.
 */
step?: number
/**
 * What it is called.
 */
name?: string
/**
 * Of its script, if that has ended.
 */
exitCode?: number
/**
 * One word.
 */
reason: string
/**
 * What happened, with the last lines of output.
 */
message: string
}
}
/**
 * The VM as its host reports it.
 */
vm?: {
/**
 * State of the VM.
 */
state?: ("Absent" | "Running" | "Paused" | "Suspended" | "Stopped" | "Crashed")
/**
 * Process on the host.
 */
pid?: number
/**
 * Accelerator: kvm, tcg or xen.
 */
accelerator?: string
/**
 * When it was last started.
 */
startedTime?: string
/**
 * Command line of the hypervisor.
 */
commandLine?: string[]
}
/**
 * How the host was chosen.
 */
placement?: {
/**
 * The reason, or why each host does not fit.
 */
message?: string
/**
 * When it was bound.
 */
placedTime?: string
/**
 * Why each host was not chosen; at most 20 hosts.
 */
reasons?: {
/**
 * The host.
 */
host: string
/**
 * Why not.
 */
reason: string
}[]
}
/**
 * Steps of the host, with the duration of each.
 */
steps?: {
/**
 * The step.
 */
name: string
/**
 * State of the layer.
 */
state: ("Running" | "Done" | "Failed")
/**
 * How often it was tried.
 */
attempts?: number
/**
 * When the last attempt began.
 */
startedTime?: string
/**
 * How long the last attempt took.
 */
seconds?: number
/**
 * The error; of a step that is done
 */
message?: string
}[]
}
