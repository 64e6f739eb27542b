/** For tests: output of xl 4.17.7 on a Debian dom0. */

export const RECORDED_INFO = `host                   : dom0
release                : 6.1.0-56-amd64
version                : #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)
machine                : x86_64
nr_cpus                : 2
max_cpu_id             : 1
nr_nodes               : 1
cores_per_socket       : 2
threads_per_core       : 1
cpu_mhz                : 2596.119
hw_caps                : 1fcbf3fd:e2d8320b:e4500800:00000077:00000000:01884308:00000200:00000000
virt_caps              : pv hvm hap gnttab-v1 gnttab-v2
total_memory           : 2047
free_memory            : 1000
sharing_freed_memory   : 0
sharing_used_memory    : 0
outstanding_claims     : 0
free_cpus              : 0
xen_major              : 4
xen_minor              : 17
xen_extra              : .7
xen_version            : 4.17.7
xen_caps               : xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 
xen_scheduler          : credit2
xen_pagesize           : 4096
platform_params        : virt_start=0xffff800000000000
xen_changeset          : 
xen_commandline        : console=com1 com1=115200,8n1 loglvl=info dom0_mem=1024M,max:1024M
cc_compiler            : x86_64-linux-gnu-gcc (Debian 12.2.0-14+deb12u1) 12.2.0
xend_config_format     : 4
`;

export const LIST_HEADER =
  'Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID                            Reason-Code\tSecurity Label\n';

export const DOMAIN_ZERO =
  'Domain-0                                     0  1024     2     r-----    1564.9 00000000-0000-0000-0000-000000000000        -                -\n';

/** Domain-0, a domain that never ran, a paused one, a running one. The name of the second has blanks; it is not Coppice's. */
export const RECORDED_LIST =
  LIST_HEADER +
  DOMAIN_ZERO +
  'a foreign one                               20    96     1     --p---       0.0 b5838846-9e9d-441e-873b-c597f92ebd6f        -                -\n' +
  'default.web-1.00000000                      21    96     1     --p---       7.6 00000000-0000-4000-8000-000000000001        -                -\n' +
  'default.web-2.00000000                      22   128     1     -b----      12.7 00000000-0000-4000-8000-000000000002        -                -\n';

export const RECORDED_DETAILS = `[
    {"domid": 0, "config": {"c_info": {"type": "pv", "name": "Domain-0"}, "b_info": {"max_memkb": 1048576}}},
    {"domid": 1, "config": {
        "c_info": {"type": "pv", "name": "default.web-1.00000000", "uuid": "00000000-0000-4000-8000-000000000001"},
        "b_info": {"max_vcpus": 1, "max_memkb": 131072, "kernel": "/var/lib/coppice/layers/kernel", "type.pv": {}},
        "disks": [{"pdev_path": "/var/lib/coppice/appliances/00000000-0000-4000-8000-000000000001/disk.qcow2",
                   "vdev": "xvda", "format": "qcow2", "readwrite": 1}],
        "nics": [{"devid": 0, "mac": "00:16:3e:00:00:01", "bridge": "br0", "nictype": "vif"}],
        "on_crash": "preserve"}}
]

`;

export const NO_MEMORY = `Parsing config from /var/lib/coppice/appliances/2/domain.cfg
xc: error: panic: xg_dom_boot.c:119: xc_dom_boot_mem_init: can't allocate low memory for domain: Out of memory
libxl: error: libxl_dom.c:586:libxl__build_dom: xc_dom_boot_mem_init failed: Cannot allocate memory
libxl: error: libxl_create.c:1640:domcreate_rebuild_done: Domain 6:cannot (re-)build domain: -3
libxl: error: libxl_domain.c:1183:libxl__destroy_domid: Domain 6:Non-existant domain
libxl: error: libxl_domain.c:1137:domain_destroy_callback: Domain 6:Unable to destroy guest
libxl: error: libxl_domain.c:1064:domain_destroy_cb: Domain 6:Destruction of domain failed`;

export const WRONG_KERNEL = `Parsing config from /var/lib/coppice/appliances/2/domain.cfg
xc: error: panic: xg_dom_core.c:689: xc_dom_find_loader: no loader found: Invalid kernel
libxl: error: libxl_dom.c:571:libxl__build_dom: xc_dom_parse_image failed
libxl: error: libxl_create.c:1640:domcreate_rebuild_done: Domain 7:cannot (re-)build domain: -3
libxl: error: libxl_domain.c:1183:libxl__destroy_domid: Domain 7:Non-existant domain`;

export const NO_BRIDGE = `libxl: error: libxl_console.c:271:libxl__device_console_add: Domain 8:Primary console has invalid configuration
libxl: error: libxl_exec.c:117:libxl_report_child_exitstatus: /etc/xen/scripts/vif-bridge online [973] exited with error status 1
libxl: error: libxl_device.c:1337:device_hotplug_child_death_cb: script: Could not find bridge device nobridge
libxl: error: libxl_create.c:1921:domcreate_attach_devices: Domain 8:unable to add vif devices`;

export const NAME_TAKEN = `libxl: error: libxl_domain.c:81:libxl__domain_rename: Domain 13:Domain with name "default.web-2.00000000" already exists.
libxl: error: libxl_create.c:1296:initiate_domain_create: Domain 13:cannot make domain: -6`;

export const MODEL_ENDED = `libxl: error: libxl_dm.c:3161:device_model_spawn_outcome: Domain 9:domain 9 device model: spawn failed (rc=-3)
libxl: error: libxl_dm.c:3381:device_model_postconfig_done: Domain 9:Post DM startup configs failed, rc=-3
libxl: error: libxl_create.c:1896:domcreate_devmodel_started: Domain 9:device model did not start: -3`;

/** A back end that fails or is late. From libxl's sources of that version; 4.18 prints the code as well. */
export const BACKEND_AWAY = `libxl: error: libxl_device.c:1163:device_backend_callback: Domain 3:unable to add device with path /local/domain/0/backend/qdisk/3/51712
libxl: error: libxl_create.c:1644:domcreate_launch_dm: Domain 3:unable to add disk devices`;

export const BACKEND_FAILED = `libxl: error: libxl_device.c:1165:device_backend_callback: Domain 3:unable to add device with path /local/domain/0/backend/qdisk/3/51712 - rc -6
libxl: error: libxl_create.c:1644:domcreate_launch_dm: Domain 3:unable to add disk devices
libxl: error: libxl_device.c:1165:device_backend_callback: Domain 3:unable to remove device with path /local/domain/0/backend/qdisk/3/51712`;

/** From libxl's sources of that version: these errors did not occur during the recording. */
export const TIMEOUTS = [
  'libxl: error: libxl_aoutils.c:539:async_exec_timeout: killing execution of /etc/xen/scripts/vif-bridge online because of timeout',
  'libxl: error: libxl_device.c:1165:device_backend_callback: Domain 3:unable to add device with path /local/domain/0/backend/qdisk/3/51712 - rc -9',
  'libxl: error: libxl_exec.c:328:spawn_watch_event: domain 3 device model: startup timed out',
  'libxl: error: libxl_dm.c:3161:device_model_spawn_outcome: Domain 3:domain 3 device model: spawn failed (rc=-9)',
  'libxl: error: libxl_create.c:1896:domcreate_devmodel_started: Domain 3:device model did not start: -9',
] as const;
