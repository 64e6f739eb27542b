// Generated from crds/templates.yaml by `npm run generate`. Do not edit.

/**
 * Desired state, written by users.
 */
export interface TemplateSpec {
/**
 * The series that this template is a version of. A service that names a series gets one of its templates.
 */
series?: string
/**
 * Version within the series.
 */
version?: string
/**
 * Where the template's content comes from: an image, given by its address or uploaded (a basic template), or a parent template or an appliance (an incremental one). It cannot be changed: make a new version instead.
 */
source: {
/**
 * A disk image in one file: qcow2, raw, VMDK, VDI, VHDX or VHD, also packed with gzip, xz, zstd or bzip2; an OVA with one disk; a containerDisk. It is not encrypted, and has something to boot, or a known file system where guest.boot gives a kernel. Hosts judge it; what they refuse, and why, is in the condition Ready.
 */
image?: {
/**
 * Where hosts fetch it: file:, http:, https:, or docker://registry/repository[:tag] for a containerDisk, a container image with one file in /disk.
 */
url: string
/**
 * SHA-256 of the file as its source serves it, packed if it is, 64 lower-case hexadecimal digits; of a containerDisk, the digest of the image's manifest.
 */
sha256: string
}
/**
 * A disk image, as in image, that is pushed: `coppice template push` makes such a template, and sends the file. It is removed if nobody goes on with it for a day.
 */
upload?: {
/**
 * SHA-256 of the file, 64 lower-case hexadecimal digits.
 */
sha256: string
/**
 * Size of the file.
 */
bytes: number
}
/**
 * An appliance of the same namespace, of whose disk a layer is made as it is at one moment: what was written since its template. `coppice template save` makes such a template. Its VM may run; the appliance may go once the template is Ready.
 */
appliance?: {
/**
 * Its name.
 */
name: string
/**
 * Its uid, so that another appliance of the same name is not meant.
 */
uid?: string
/**
 * Whether the memory of its VM and the state of its devices are saved as well, all of one moment: appliances of this template with `start: {from: Checkpoint}` continue from there. Its VM runs on, paused for a moment, where its host can fork it (liveFork among the capabilities in the Host's status); elsewhere the appliance must have `capturable: true`, and its VM starts again afterwards.
 */
memory?: boolean
/**
 * Whether all that its guest sees becomes one layer, which stands on none: larger, and independent of the appliance's template.
 */
flat?: boolean
}
/**
 * A template, all of whose layers become one, which stands on none: `coppice template flatten` makes such a template. The other one may go once this one is Ready.
 */
flattened?: {
/**
 * Its name.
 */
name: string
/**
 * Its namespace, if different; it must be shared with this namespace.
 */
namespace?: string
}
/**
 * The template on which this one is a layer: by name, or the newest of a series at that time, which stays its parent (status.parent).
 */
parent?: {
/**
 * Its name.
 */
name?: string
/**
 * Its series.
 */
series?: string
/**
 * Its version within the series.
 */
version?: string
/**
 * Its namespace, if different; the parent must be shared with this namespace.
 */
namespace?: string
}
/**
 * How the layer on the parent is built.
 */
build?: {
/**
 * Any text. Templates of a namespace with the same parent, steps, inputs and revision share one build; another revision has one of its own.
 */
revision?: string
/**
 * Absolute paths in the guest, files or folders, that are removed at the end, beside what is always removed: machine-id, SSH host keys, logs, and more.
 */
clean?: string[]
/**
 * How the VM reaches others while it is built. Default: the user networking of its host.
 */
network?: {
/**
 * An IPPool of the same namespace, from which the VM gets an address on the bridge of its host.
 */
pool: string
}
/**
 * Size of the disk if larger than the parent's, such as 8Gi. The guest's root file system and its partition are made as large before the first step.
 */
diskSize?: (number | string)
/**
 * Resources of the VM in which the build steps run.
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
 * Steps, carried out in order in the guest; each is one of run, copy and reboot. The first that fails ends the build.
 */
steps: {
/**
 * What people call it: it is in the log, in conditions and in progress.
 */
name?: string
/**
 * A script that has not ended by then is killed, and the build has failed. Default: an hour.
 */
timeoutSeconds?: number
/**
 * A script for the guest's /bin/sh, run as root. It fails when it ends with another exit code than 0: write set -e, so that it ends at the first command that fails.
 */
run?: string
/**
 * Files that are put into the guest.
 */
copy?: {
/**
 * Where they come from; exactly one of configMap, secret and url.
 */
from: {
/**
 * A ConfigMap of the same namespace.
 */
configMap?: {
/**
 * Its name.
 */
name: string
/**
 * The entry that becomes the file `to`; without it, to is a folder, and each entry becomes a file in it.
 */
key?: string
}
/**
 * A Secret of the same namespace. Whoever may use the template may read what is copied: do not copy what only the build needs.
 */
secret?: {
/**
 * Its name.
 */
name: string
/**
 * The entry that becomes the file `to`; without it, to is a folder, and each entry becomes a file in it.
 */
key?: string
}
/**
 * A file that the host fetches: file:, http: or https:.
 */
url?: string
/**
 * SHA-256 of the file at url, 64 lower-case hexadecimal digits.
 */
sha256?: string
}
/**
 * Absolute path in the guest. Missing folders are made.
 */
to: string
/**
 * Mode of the files, in octal digits; default 0644.
 */
mode?: string
/**
 * Their owner, and group, as the guest knows them: www-data or www-data:adm; default root.
 */
owner?: string
}
/**
 * The guest is powered off and started again before the next step.
 */
reboot?: boolean
}[]
}
}
/**
 * The guest's operating system and how it boots. A template with a parent has what its parent has, as far as it says nothing else: boot and firmware go together, as init and agentPackages do.
 */
guest: {
/**
 * Family of the guest's operating system.
 */
os: ("linux" | "windows")
/**
 * The agent in the guest.
 */
agent: "qemu-guest-agent"
/**
 * What sets the guest up at its first boot. none (default): nothing, the image brings its agent and gets its network by itself. cloud-init: it reads name, network, SSH keys and user data from a volume (NoCloud) that each VM has, and installs an agent where there is none.
 */
init?: ("none" | "cloud-init")
/**
 * With init cloud-init: the packages that give the guest an agent without a network, with all that they need and the image lacks. Without them, and without an agent in the image, the guest installs one from its distribution's repository.
 */
agentPackages?: {
/**
 * Where hosts fetch it: file:, http: or https:.
 */
url: string
/**
 * SHA-256 of the file, 64 lower-case hexadecimal digits.
 */
sha256: string
}[]
/**
 * A kernel that the hypervisor boots directly. Without it, the guest's own boot loader boots it.
 */
boot?: {
/**
 * The kernel.
 */
kernel: {
/**
 * Where hosts fetch it: file:, http: or https:.
 */
url: string
/**
 * SHA-256 of the file as its source serves it, 64 lower-case hexadecimal digits.
 */
sha256: string
}
/**
 * The initial RAM disk.
 */
initrd?: {
/**
 * Where hosts fetch it: file:, http: or https:.
 */
url: string
/**
 * SHA-256 of the file as its source serves it, 64 lower-case hexadecimal digits.
 */
sha256: string
}
/**
 * The kernel's command line.
 */
commandLine: string
}
/**
 * An image of a CD (ISO 9660 or UDF), which each VM has in its drive, besides its disk: data, drivers, packages. The firmware starts the guest from it where the disk's boot code gives up. On Xen hosts, guests of type HVM alone have a drive.
 */
cd?: {
/**
 * Where hosts fetch it: file:, http: or https:.
 */
url: string
/**
 * SHA-256 of the file as its source serves it, 64 lower-case hexadecimal digits.
 */
sha256: string
}
/**
 * What starts the guest: a BIOS, which runs the disk's boot sector, or UEFI, which runs a program of its EFI system partition. Default: what the image has, bios if it has both. Xen hosts have no uefi.
 */
firmware?: ("bios" | "uefi")
/**
 * What is done about the processes of a VM that continues from a checkpoint, which have drawn random numbers and read who they are. Restart (default): services end, and start as the new machine. Hook: they run on, and the guest's programs in /etc/coppice/on-clone.d tell them (docs/fast-starts.md).
 */
onClone?: ("Restart" | "Hook")
/**
 * How QEMU hosts connect the disks: virtio (default) is virtio-blk; scsi is virtio-scsi, for guests without the driver of virtio-blk. It is not for Xen hosts.
 */
diskBus?: ("virtio" | "scsi")
/**
 * How the guest runs on Xen hosts. Hosts with another hypervisor ignore it.
 */
xen?: {
/**
 * PV needs a kernel with Xen's drivers, but no hardware virtualisation; PVH and HVM need hardware virtualisation. Default: PV if boot or bootLoader is given, else HVM.
 */
type?: ("PV" | "PVH" | "HVM")
/**
 * Boot loader that finds the kernel on the disk of a PV or PVH guest: PvGrub runs in the guest; PyGrub reads the guest's disk in dom0.
 */
bootLoader?: ("PvGrub" | "PyGrub")
}
/**
 * Minimum memory with which the guest boots; a service that requests less gets a condition.
 */
minimumMemory?: (number | string)
}
/**
 * The container that runs services in the guest, and how clients reach them. Default: that of the parent, or, without a parent, type command at port 80.
 */
container?: {
/**
 * Chooses the builder that installs services.
 */
type: ("static-site" | "command" | "tomcat" | "systemd")
/**
 * The container's name.
 */
name?: string
/**
 * Port in the guest on which services listen.
 */
port: number
/**
 * Scheme of the services' URLs.
 */
scheme: ("http" | "https")
/**
 * Folder that a static-site container serves; default /srv/www.
 */
documentRoot?: string
}
/**
 * Checkpoints: the memory of VMs that have booted from this template. Appliances continue from it instead of booting.
 */
checkpoint: {
/**
 * Whether there is one for each of the sizes. Coppice boots an appliance of that size, which has no package, saves it as a template, and deletes it; both have the name that status.checkpoints tells. Appliances of this namespace with `start: {from: Checkpoint}` continue from there; with hosts that have QEMU.
 */
enabled: boolean
/**
 * The sizes of appliances for which there is a checkpoint. A VM continues from one only if it has as many virtual CPUs and as much memory as the VM that was saved.
 */
sizes?: {
/**
 * CPU in cores; "500m" is half a core. The VM has this many virtual CPUs, rounded up.
 */
cpu: (number | string)
/**
 * Memory of the VM, such as 128Mi or 2Gi; at least 32Mi.
 */
memory: (number | string)
}[]
}
/**
 * How hosts get the template.
 */
distribution: {
/**
 * Copy: whole, before the first VM starts. OnDemand: blocks as VMs read them. Shared: one file in a directory that hosts share (coppice hostd --shared-directory), nothing is copied.
 */
mode: ("OnDemand" | "Copy" | "Shared")
/**
 * Minimum number of hosts that hold it, even if it is unused. One host fetches it in any case, to judge it.
 */
minCopies: number
/**
 * Maximum number of hosts that hold it without an appliance that needs it there, however often it is used. Default: all hosts.
 */
maxCopies?: number
/**
 * How much each appliance that is made from it counts for the number of copies: 2 twice as much, 0 not at all.
 */
importance: number
/**
 * The time in which its popularity halves, in h, m and s: after it, an appliance that was made counts half, and so on.
 */
popularityHalfLife: string
}
/**
 * Of the image of a recalled service, which Coppice makes: what the appliance was. Such an image has the keys and secrets of a machine, so no other namespace may use it. It cannot be changed.
 */
recalled?: {
/**
 * The ServiceDeployment.
 */
task: string
/**
 * The service of the task.
 */
service: string
/**
 * The appliance's number among the service's replicas: the appliance of this number is the same machine again.
 */
ordinal: number
/**
 * Which recall of the service it was, from 1 on.
 */
recall: number
/**
 * Identity of the machine: the uid of the appliance that first was it. Its network card and cloud-init know it by this.
 */
machine: string
/**
 * What the service asked for as its template (services[].template): while it asks for the same, it starts from this image.
 */
template: {

}
/**
 * Clean: the guest shut itself down. PoweredOff: it did not in time, so its disk is as after a loss of power.
 */
shutdown?: ("Clean" | "PoweredOff")
/**
 * S, the service's files, as the appliance had them.
 */
package?: {

}
/**
 * P, the configuration of the guest and the service, as the appliance had it.
 */
parameters?: {

}
}
/**
 * When the template is removed.
 */
lifecycle: {
/**
 * Remove the template and all its copies when it was unused for this time, such as 720h. A template is unused while it has no appliances and no children, and no task names it. The condition Expiring announces the date. Default: never remove it.
 */
coolDown?: string
/**
 * Never remove it, whatever coolDown says.
 */
retain: boolean
}
/**
 * Which namespaces may use the template.
 */
sharing: {
/**
 * Namespace: its own only. Namespaces: also those listed. Cluster: all.
 */
scope: ("Namespace" | "Namespaces" | "Cluster")
/**
 * For scope Namespaces.
 */
namespaces?: string[]
}
}

/**
 * Observed state, written by Coppice only; it overwrites what others write.
 */
export interface TemplateStatus {
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
 * The layers that the template's files became. Their names follow from their content, and are the same on every host.
 */
layers?: {
/**
 * Of its disk.
 */
disk?: string
/**
 * Of its kernel.
 */
kernel?: string
/**
 * Of its initial RAM disk.
 */
initrd?: string
/**
 * Of its CD.
 */
cd?: string
/**
 * Of the memory of the appliance's VM, if it was saved.
 */
memory?: string
/**
 * Of the state of that VM's devices, which names the other layers of that moment.
 */
state?: string
/**
 * Of a second disk, if it was made of an appliance that has one: second disks of its appliances begin with that.
 */
data?: string
}
/**
 * The template on which it is a layer, if it was made of an appliance, or built on the newest of a series.
 */
parent?: {
/**
 * Its name.
 */
name: string
/**
 * Its namespace.
 */
namespace: string
}
/**
 * The import of its disk while it runs, on the host that is furthest.
 */
import?: {
/**
 * The host that imports it.
 */
host: string
/**
 * What the host does with it.
 */
phase?: ("Fetching" | "Unpacking" | "Converting")
/**
 * Bytes that have arrived.
 */
fetchedBytes: number
/**
 * Size of the file, as far as its source tells it.
 */
totalBytes?: number
/**
 * How much of it has arrived.
 */
percent?: number
/**
 * The rate of the last seconds.
 */
bytesPerSecond?: number
/**
 * Until all of it has arrived, at this rate.
 */
secondsLeft?: number
}
/**
 * The checkpoints that spec.checkpoint asks for, one for each size.
 */
checkpoints?: {
/**
 * The template that has it, and, until then, the appliance whose VM is saved.
 */
name: string
/**
 * How far it is. Booting: the appliance is placed and boots. Saving: its VM is saved. Ready: appliances continue from there. Failed: a person must act.
 */
state: ("Booting" | "Saving" | "Ready" | "Failed")
/**
 * What it waits for, or what keeps it from being made.
 */
message?: string
}[]
/**
 * The build of its layer.
 */
build?: {
/**
 * Digest of parent, steps, inputs and revision: templates of a namespace with the same one share a layer.
 */
key?: string
/**
 * The VirtualAppliance in which it is built, while there is one.
 */
appliance?: string
/**
 * The host on which that is; of a build that is done, the host that built it, and keeps its log.
 */
host?: string
/**
 * How far it is. Waiting: for its parent, an input, a host, or another template that builds the same. Built: its VM is off, and its disk becomes a layer. Done: the layer is there.
 */
state?: ("Waiting" | "Building" | "Cleaning" | "Stopping" | "Built" | "Failed" | "Done")
/**
 * The step that runs.
 */
step?: number
/**
 * How many there are.
 */
steps?: number
/**
 * What the step that runs is called.
 */
name?: string
/**
 * How often it has begun: it begins again when its VM ends.
 */
attempt?: number
/**
 * The template of the same namespace that built the layer, or builds it, for this one as well.
 */
sharedWith?: string
}
/**
 * What hosts found when they read its layers, and those that its disk stands on, again: `coppice template verify`.
 */
verification?: {
/**
 * The text of the annotation coppice.dev/verify that asked for it.
 */
requested: string
/**
 * Copies of layers that are still to be read.
 */
running: number
/**
 * Copies that are what their names say.
 */
sound: number
/**
 * Copies that are not.
 */
damaged: number
/**
 * Copies that could not be read.
 */
failed: number
/**
 * What is wrong with copies; at most 20.
 */
problems?: {
/**
 * The host.
 */
host: string
/**
 * The layer.
 */
layer: string
/**
 * What is wrong.
 */
message: string
}[]
}
/**
 * Size of the disk that a guest sees.
 */
virtualSize?: string
/**
 * Layers below and including this one; 1 for a basic template.
 */
depth?: number
/**
 * Hosts that hold the layer whole.
 */
hostsReady?: number
/**
 * Appliances whose disks stand on it.
 */
appliances?: number
/**
 * When an appliance was last made from it.
 */
lastUsedTime?: string
/**
 * How often appliances were made from it lately: each counts 1 when it is made, and half of that one distribution.popularityHalfLife later. It decays without being written.
 */
popularity?: {
/**
 * Its popularity at that time.
 */
value: number
/**
 * When the last appliance that counts was made.
 */
time: string
}
/**
 * Since when nothing uses it: given for templates with lifecycle.coolDown alone.
 */
unusedSince?: string
}
