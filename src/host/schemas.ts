import { buildStatusSchema, desiredBuildSchema } from './build-schemas.ts';
import { firmwareName } from './layer-schemas.ts';
import { problemFields, problemSchema } from './problem.ts';
import { SERVICE_STATES, STEP_NAMES } from './states.ts';
import {
  arrayOf,
  boolean,
  closed,
  enumOf,
  integer,
  mapOf,
  number,
  oneOf,
  open,
  optional,
  type Static,
  string,
} from './typed-schema.ts';
import {
  command,
  count,
  dnsLabel,
  dnsName,
  environmentName,
  fileName,
  identity,
  instant,
  ipAddress,
  path,
  port,
  positive,
  sha256,
  timeout,
  url,
  uuid,
} from './values.ts';

/**
 * The host daemon's API, once: JSON schemas from which `protocol.ts` derives the types. Requests are strict: nothing unknown passes,
 * and `values.ts` limits each value. Answers are open, so that an older reader accepts a newer daemon's answer.
 *
 * Units: memory and disk in bytes, CPU in millicores, durations in seconds, instants in RFC 3339 with milliseconds.
 */

const diskBus = enumOf(['virtio', 'scsi']);
const trueOrFalse = enumOf(['true', 'false']);

export const uuidParams = closed({ uuid });
/** The query of `GET /v1/appliances/{uuid}/exec`: a program and its arguments, and what it gets. */
export const execParameters = closed({
  command: arrayOf(string(), 256),
  stdin: optional(trueOrFalse),
  tty: optional(trueOrFalse),
  /** 0 for no limit. */
  timeoutSeconds: optional(string({ pattern: '^[0-9]{1,5}$' })),
});
export type ExecParameters = Static<typeof execParameters>;
export const logQuery = closed({
  bytes: optional(string({ pattern: '^[1-9][0-9]{0,6}$' })),
  /** Whether the answer goes on with what is added. */
  follow: optional(trueOrFalse),
});

// ------------------------------------------------------------------------------------------- requests

const desiredProbe = oneOf('kind', {
  http: { path, port: optional(port) },
  tcp: { port: optional(port) },
  exec: { command },
});

const desiredPackage = oneOf('kind', {
  archive: { url, sha256 },
  files: {
    /** File name → content in base64. */
    files: mapOf(fileName, string({ pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
  },
});

/** What runs services in the guest, from the Template's `spec.container`. */
const desiredContainer = closed({
  type: dnsLabel,
  name: optional(string({ maxLength: 253, pattern: '^[-._@a-zA-Z0-9]+$' })),
  port,
  scheme: optional(enumOf(['http', 'https'])),
  documentRoot: optional(path),
});

/** D = (S, C, R, P) less R: the service of an appliance (SO-MVDS section 5). */
const desiredService = closed({
  name: dnsName,
  container: desiredContainer,
  package: optional(desiredPackage),
  parameters: closed({
    env: optional(mapOf(environmentName, string({ maxLength: 32_768, pattern: '^[^\\u0000]*$' }))),
    hostname: optional(dnsLabel),
    serviceName: optional(string({ minLength: 1, maxLength: 253, pattern: '^[-._a-zA-Z0-9]+$' })),
    path: optional(path),
    command: optional(command),
    probe: optional(desiredProbe),
  }),
});

/** How the guest runs under Xen, from the Template's `spec.guest.xen`; hosts with another driver ignore it. */
const xenGuest = closed({
  /** Unset: PV where a kernel is given or a boot loader named, else HVM. */
  type: optional(enumOf(['PV', 'PVH', 'HVM'])),
  /** What finds the kernel of a PV or PVH guest on its own disk: GRUB in the guest itself (unset), or pygrub in dom0. */
  bootLoader: optional(enumOf(['PvGrub', 'PyGrub'])),
});

const guestPort = { name: dnsLabel, guestPort: port };

/**
 * `user`: the hypervisor's user networking, ports forwarded from the host's own address.
 * `bridge`: an interface on the host's bridge with an address of its own, IPv4 or IPv6, set in the guest at each boot;
 * gateway and DNS servers likewise. Without `dns` the guest keeps the servers that its template names.
 */
const desiredNetwork = oneOf('mode', {
  user: {
    /** `hostPort` unset: the host picks a free one and keeps it for the appliance's life. */
    ports: arrayOf(closed({ ...guestPort, hostPort: optional(port) }), 64),
  },
  bridge: {
    ports: arrayOf(closed(guestPort), 64),
    address: ipAddress,
    prefixLength: integer(1, 128),
    gateway: optional(ipAddress),
    dns: arrayOf(ipAddress, 8),
  },
});

/** What cloud-init in the guest reads, besides who the VM is and its network. */
const desiredCloudInit = closed({
  /** Lines of OpenSSH, for the guest's default user. */
  sshAuthorizedKeys: arrayOf(string({ maxLength: 16_384, pattern: '^[^\\u0000\\r\\n]+$' }), 64),
  userData: optional(string({ minLength: 1, maxLength: 1_048_576 })),
  /** The Debian, RPM or Alpine packages of an agent, for a guest that has none. */
  agentPackages: arrayOf(closed({ url, sha256 }), 32),
});

/** Which machine the VM is, whose disk stands on that of one. */
const desiredMachine = oneOf('kind', {
  /** That machine again: its network card, and what cloud-init calls the instance, are those of the appliance that first was it. */
  same: { uuid },
  /** Another one: before it serves, it loses what made that machine one of its own. */
  other: {},
});

/** `PUT /v1/appliances/{uuid}`: complete and idempotent; an older generation than the known one is refused with 409. */
export const desiredApplianceSchema = closed({
  uuid,
  generation: positive,
  namespace: dnsLabel,
  name: dnsName,
  powerState: enumOf(['Running', 'Stopped', 'Suspended']),
  layer: identity,
  /** Set when the layer is the disk of a machine that was recalled. */
  machine: optional(desiredMachine),
  boot: oneOf('kind', {
    /** `firmware` unset: what finds something to boot on the disk, a BIOS if both do. */
    firmware: { firmware: optional(firmwareName) },
    direct: {
      kernel: identity,
      initrd: optional(identity),
      commandLine: string({ maxLength: 2048, pattern: '^[ -~]*$' }),
    },
  }),
  xen: optional(xenGuest),
  /** What is in its CD drive; unset: it has none. */
  cd: optional(identity),
  cloudInit: optional(desiredCloudInit),
  /** With it, `service` is not carried out, nor are its ports there. */
  build: optional(desiredBuildSchema),
  disk: closed({
    mode: enumOf(['Incremental', 'Clone']),
    sizeBytes: optional(positive),
    /** A second, empty disk, of this size; it may be added and grow later, and is never taken away. */
    dataBytes: optional(positive),
    /** What the second disk stands on; unset: it is empty at first. */
    dataLayer: optional(identity),
    /** How disks are connected, as guests with drivers for one bus alone need it; unset: virtio. */
    bus: optional(diskBus),
  }),
  resources: closed({ cpuMillis: positive, memoryBytes: positive }),
  /**
   * The memory and the devices' state that its VM continues from, instead of booting, if it never ran: `layer` is the disk of that moment.
   */
  checkpoint: optional(
    closed({
      memory: identity,
      state: identity,
      /** What is done about processes that run on, as of `guest.onClone` of a template; unset: Restart. */
      onClone: optional(enumOf(['Restart', 'Hook'])),
    }),
  ),
  /** Whether its memory can become a checkpoint: it is kept so that the daemon can read it, from the VM's next start on. */
  capturable: optional(boolean()),
  network: desiredNetwork,
  service: desiredService,
  /** How long the agent may take to answer after the VM's start before the VM is restarted. */
  agentTimeoutSeconds: timeout,
  /** How long the service may take to answer after its installation before it is installed again. */
  serviceTimeoutSeconds: timeout,
});

// -------------------------------------------------------------------------------------------- answers

const stepStatus = open({
  name: enumOf(STEP_NAMES),
  state: enumOf(['Running', 'Done', 'Failed']),
  attempts: positive,
  startedAt: instant,
  /** Duration of the last attempt; grows while it runs. */
  seconds: number(),
  message: optional(string()),
});

const vmStatus = open({
  state: enumOf(['Absent', 'Running', 'Paused', 'Suspended', 'Stopped', 'Crashed']),
  pid: optional(positive),
  startedAt: optional(instant),
  accelerator: optional(string()),
  commandLine: optional(arrayOf(string())),
});

export const applianceStatusSchema = open({
  uuid,
  /** The generation that the daemon received last. It is on disk; whether it is carried out, `stateGeneration` says. */
  generation: count,
  /**
   * The generation that `serviceState`, `steps` and `problem` speak of: all its steps were carried out, or one of them failed. Less
   * than `generation` from the moment a change is received until then. Absent from older daemons.
   */
  stateGeneration: optional(count),
  namespace: string(),
  name: string(),
  deleting: boolean(),
  /** How far the steps of the declared state are. */
  serviceState: enumOf(SERVICE_STATES),
  /**
   * Whether the service answers, be it that of an earlier generation: it does so while a new package is fetched, say. Absent from
   * older daemons.
   */
  answers: optional(boolean()),
  vm: vmStatus,
  /** What the VM was started with; while a larger or smaller size waits, it is not the one in the desired state. */
  resources: optional(open({ cpuMillis: positive, memoryBytes: positive })),
  /** Set from the first ServiceAvailable on; kept while the service is briefly away, cleared when the VM stops. */
  accessPoints: arrayOf(string()),
  endpoints: arrayOf(open({ name: dnsLabel, address: string(), port, guestPort: port })),
  steps: arrayOf(stepStatus),
  /** Of an appliance that builds a template. */
  build: optional(buildStatusSchema),
  problem: optional(problemSchema),
  diskPath: optional(string()),
  diskBytes: optional(count),
  dataDiskPath: optional(string()),
  dataDiskBytes: optional(count),
});

export const applianceListSchema = open({ appliances: arrayOf(applianceStatusSchema) });
/** Body of every answer that is not 2xx. */
export const errorBodySchema = open({
  error: open({ ...problemFields, field: optional(string()) }),
});
