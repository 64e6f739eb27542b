// Generated from crds/templates.yaml by `npm run generate`. Do not edit.

/**
 * What is wanted; a user writes it.
 */
export interface TemplateSpec {
/**
 * The versions of one thing form a series; services that name a series get one of its templates.
 */
series?: string
/**
 * Version within the series.
 */
version?: string
/**
 * Where the template's content comes from: an image (a basic template) or a parent template (an incremental one). It can not be changed: make a new version instead.
 */
source: {
/**
 * A disk image, qcow2 or any other format that qemu-img reads, standing on no other file.
 */
image?: {
/**
 * Where hosts fetch it: file:, http: or https:.
 */
url: string
/**
 * Digest of the file as its source serves it, 64 lower-case hexadecimal digits.
 */
sha256: string
}
/**
 * The template that this one is a layer on.
 */
parent?: {
/**
 * Its name.
 */
name: string
/**
 * Its namespace, when it is another; it must be shared with this one.
 */
namespace?: string
}
/**
 * How the layer on the parent is made.
 */
build?: {
/**
 * What the VM gets in which the steps run.
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
 * Run one after the other in the guest.
 */
steps: {
/**
 * A script for the guest's /bin/sh.
 */
run: string
}[]
}
}
/**
 * What the guest is and how it boots.
 */
guest: {
/**
 * Family of the guest's operating system.
 */
os: ("linux" | "windows")
/**
 * The agent that is in the guest.
 */
agent: "qemu-guest-agent"
/**
 * A kernel that the hypervisor starts directly. Without it the guest boots by its own boot loader.
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
 * Digest of the file as its source serves it, 64 lower-case hexadecimal digits.
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
 * Digest of the file as its source serves it, 64 lower-case hexadecimal digits.
 */
sha256: string
}
/**
 * The kernel's command line.
 */
commandLine: string
}
/**
 * How the guest runs on hosts with Xen. Hosts with another hypervisor pass it over.
 */
xen?: {
/**
 * PV needs no hardware virtualisation, and a kernel with Xen's drivers; PVH and HVM need it. Without: PV where boot or bootLoader is given, else HVM.
 */
type?: ("PV" | "PVH" | "HVM")
/**
 * What finds the kernel of a PV or PVH guest on its own disk: PvGrub, a GRUB that runs in the guest itself, or PyGrub, which reads the guest's disk in dom0.
 */
bootLoader?: ("PvGrub" | "PyGrub")
}
/**
 * Memory below which the guest does not boot; services that ask for less are refused with a condition.
 */
minimumMemory?: (number | string)
}
/**
 * What runs services in the guest, and how they are reached.
 */
container: {
/**
 * Chooses the builder that installs services.
 */
type: ("static-site" | "command" | "tomcat" | "systemd")
/**
 * The container's name.
 */
name?: string
/**
 * Port in the guest at which services answer.
 */
port: number
/**
 * Scheme of the services' URLs.
 */
scheme: ("http" | "https")
/**
 * For static-site, the folder that is served; /srv/www when not given.
 */
documentRoot?: string
}
/**
 * Whether to keep a memory image of the booted template, to start appliances from.
 */
checkpoint: {
/**
 * Keep one.
 */
enabled: boolean
}
/**
 * How the template comes to the hosts.
 */
distribution: {
/**
 * Copy: whole, before the first VM starts. OnDemand: blocks as VMs read them. Shared: from a file system that hosts share.
 */
mode: ("OnDemand" | "Copy" | "Shared")
/**
 * Hosts that hold it however seldom it is used.
 */
minCopies: number
/**
 * Hosts that hold it however often it is used.
 */
maxCopies?: number
}
/**
 * When the template is disposed of.
 */
lifecycle: {
/**
 * Disposed of when unused for so long, such as 720h. Without it, never.
 */
coolDown?: string
/**
 * Never dispose of it.
 */
retain: boolean
}
/**
 * Which namespaces may use the template.
 */
sharing: {
/**
 * Namespace: its own only. Namespaces: those listed, too. Cluster: all.
 */
scope: ("Namespace" | "Namespaces" | "Cluster")
/**
 * For scope Namespaces.
 */
namespaces?: string[]
}
}

/**
 * What is found; Coppice alone writes it, and what is written by others does not last.
 */
export interface TemplateStatus {
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
 * Digest that names the template's layer on every host.
 */
layer?: string
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
}
