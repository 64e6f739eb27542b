import { SERVICE_STATES, STEP_NAMES } from './protocol.ts';

/**
 * JSON schemas of the host daemon's API, the requests strict (nothing unknown passes the edge, every name that
 * reaches a path or a command has its pattern), the answers open, so that an older reader bears a newer daemon.
 */
export type JsonSchema = Readonly<Record<string, unknown>>;

const uuid = { type: 'string', pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' };
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
/** Whether addresses and prefix fit together is checked by `src/hostd/network/request.ts`. */
const ipAddress = {
  type: 'string',
  maxLength: 45,
  anyOf: [
    { type: 'string', format: 'ipv4' },
    { type: 'string', format: 'ipv6' },
  ],
};
const port = { type: 'integer', minimum: 1, maximum: 65535 };
const dnsLabel = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' };
const dnsName = { type: 'string', maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$' };
const text = { type: 'string', minLength: 1, maxLength: 4096, pattern: '^[^\\u0000]*$' };
const path = { type: 'string', minLength: 1, maxLength: 1024, pattern: '^/[^\\u0000\\r\\n]*$' };
/** Relative, and never upwards. */
const fileName = {
  type: 'string',
  maxLength: 255,
  pattern: '^[-._a-zA-Z0-9]+(/[-._a-zA-Z0-9]+)*$',
  not: { type: 'string', pattern: '(^|/)[.][.]?(/|$)' },
};
const environmentName = { type: 'string', maxLength: 253, pattern: '^[A-Za-z_][A-Za-z0-9_]*$' };
const url = { type: 'string', minLength: 1, maxLength: 4096, pattern: '^(file|http|https):[^\\s\\u0000]+$' };
const count = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const positive = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };
const instant = { type: 'string', format: 'date-time' };
const command = { type: 'array', minItems: 1, maxItems: 256, items: text };

/** An object that has these properties and no others; those named with a `?` may be missing. */
function closed(properties: Record<string, JsonSchema>): JsonSchema {
  return { ...open(properties), additionalProperties: false };
}

function open(properties: Record<string, JsonSchema>): JsonSchema {
  const named = Object.entries(properties).map(([key, schema]) => [key.replace('?', ''), schema] as const);
  return {
    type: 'object',
    required: Object.keys(properties).filter((key) => !key.endsWith('?')),
    properties: Object.fromEntries(named),
  };
}

/** One of several closed objects, told apart by the value of `tag`. */
function oneOf(tag: string, kinds: Record<string, Record<string, JsonSchema>>): JsonSchema {
  return {
    type: 'object',
    required: [tag],
    discriminator: { propertyName: tag },
    oneOf: Object.entries(kinds).map(([kind, properties]) =>
      closed({ [tag]: { const: kind }, ...properties }),
    ),
  };
}

function oneKind(kinds: Record<string, Record<string, JsonSchema>>): JsonSchema {
  return oneOf('kind', kinds);
}

function arrayOf(items: JsonSchema, maxItems = 65_536): JsonSchema {
  return { type: 'array', items, maxItems };
}

export const uuidParams: JsonSchema = closed({ uuid });
export const sha256Params: JsonSchema = closed({ sha256 });
export const consoleQuery: JsonSchema = closed({
  'bytes?': { type: 'string', pattern: '^[1-9][0-9]{0,6}$' },
});

export const desiredLayerSchema: JsonSchema = closed({
  kind: { enum: ['disk', 'boot'] },
  url,
  template: { type: 'string', minLength: 1, maxLength: 512, pattern: '^[-a-z0-9./]+$' },
});

const desiredProbe = oneKind({
  http: { path, 'port?': port },
  tcp: { 'port?': port },
  exec: { command },
});

const desiredPackage = oneKind({
  archive: { url, sha256 },
  files: {
    files: {
      type: 'object',
      maxProperties: 1024,
      propertyNames: fileName,
      additionalProperties: { type: 'string', pattern: '^[A-Za-z0-9+/]*={0,2}$' },
    },
  },
});

const desiredService = closed({
  name: dnsName,
  container: closed({
    type: dnsLabel,
    'name?': { type: 'string', maxLength: 253, pattern: '^[-._@a-zA-Z0-9]+$' },
    port,
    'scheme?': { enum: ['http', 'https'] },
    'documentRoot?': path,
  }),
  'package?': desiredPackage,
  parameters: closed({
    'env?': {
      type: 'object',
      maxProperties: 1024,
      propertyNames: environmentName,
      additionalProperties: { type: 'string', maxLength: 32_768, pattern: '^[^\\u0000]*$' },
    },
    'hostname?': dnsLabel,
    'serviceName?': { type: 'string', minLength: 1, maxLength: 253, pattern: '^[-._a-zA-Z0-9]+$' },
    'path?': path,
    'command?': command,
    'probe?': desiredProbe,
  }),
});

export const desiredApplianceSchema: JsonSchema = closed({
  uuid,
  generation: positive,
  namespace: dnsLabel,
  name: dnsName,
  powerState: { enum: ['Running', 'Stopped'] },
  layer: sha256,
  boot: oneKind({
    firmware: {},
    direct: {
      kernel: sha256,
      'initrd?': sha256,
      commandLine: { type: 'string', maxLength: 2048, pattern: '^[ -~]*$' },
    },
  }),
  'xen?': closed({ 'type?': { enum: ['PV', 'PVH', 'HVM'] }, 'bootLoader?': { enum: ['PvGrub', 'PyGrub'] } }),
  disk: closed({ mode: { enum: ['Incremental', 'Clone'] }, 'sizeBytes?': positive }),
  resources: closed({ cpuMillis: positive, memoryBytes: positive }),
  network: oneOf('mode', {
    user: { ports: arrayOf(closed({ name: dnsLabel, guestPort: port, 'hostPort?': port }), 64) },
    bridge: {
      ports: arrayOf(closed({ name: dnsLabel, guestPort: port }), 64),
      address: ipAddress,
      prefixLength: { type: 'integer', minimum: 1, maximum: 128 },
      'gateway?': ipAddress,
      dns: arrayOf(ipAddress, 8),
    },
  }),
  service: desiredService,
  agentTimeoutSeconds: { type: 'number', exclusiveMinimum: 0, maximum: 86_400 },
  serviceTimeoutSeconds: { type: 'number', exclusiveMinimum: 0, maximum: 86_400 },
});

const problem = open({ reason: text, message: { type: 'string' }, 'retryAt?': instant });

export const layerStatusSchema: JsonSchema = open({
  sha256,
  kind: { enum: ['disk', 'boot'] },
  state: { enum: ['Fetching', 'Ready', 'Failed'] },
  template: { type: 'string' },
  fetchedBytes: count,
  'totalBytes?': count,
  'virtualBytes?': count,
  'storedBytes?': count,
  'seconds?': { type: 'number' },
  'problem?': problem,
  heldBy: arrayOf(uuid),
});

const stepStatus = open({
  name: { enum: STEP_NAMES },
  state: { enum: ['Running', 'Done', 'Failed'] },
  attempts: positive,
  startedAt: instant,
  seconds: { type: 'number' },
  'message?': { type: 'string' },
});

const vmStatus = open({
  state: { enum: ['Absent', 'Running', 'Paused', 'Stopped', 'Crashed'] },
  'pid?': positive,
  'startedAt?': instant,
  'accelerator?': { type: 'string' },
  'commandLine?': arrayOf({ type: 'string' }),
});

export const applianceStatusSchema: JsonSchema = open({
  uuid,
  generation: count,
  namespace: { type: 'string' },
  name: { type: 'string' },
  deleting: { type: 'boolean' },
  serviceState: { enum: SERVICE_STATES },
  vm: vmStatus,
  accessPoints: arrayOf({ type: 'string' }),
  endpoints: arrayOf(open({ name: dnsLabel, address: { type: 'string' }, port, guestPort: port })),
  steps: arrayOf(stepStatus),
  'problem?': problem,
  'diskPath?': { type: 'string' },
  'diskBytes?': count,
});

const amounts = open({ cpuMillis: count, memoryBytes: count, diskBytes: count });

export const hostStatusSchema: JsonSchema = open({
  name: { type: 'string' },
  daemonVersion: { type: 'string' },
  driver: open({
    name: { type: 'string' },
    version: { type: 'string' },
    accelerator: { type: 'string' },
    'acceleratorReason?': { type: 'string' },
    capabilities: arrayOf({ type: 'string' }),
    'problem?': problem,
  }),
  capacity: amounts,
  used: amounts,
  layers: arrayOf(layerStatusSchema),
  queue: open({ waiting: count, running: count, concurrency: positive }),
  appliances: count,
  problems: arrayOf(problem),
  foreignVms: arrayOf({ type: 'string' }),
  startedAt: instant,
});

export const applianceListSchema: JsonSchema = open({ appliances: arrayOf(applianceStatusSchema) });
export const layerListSchema: JsonSchema = open({ layers: arrayOf(layerStatusSchema) });

export const errorBodySchema: JsonSchema = open({
  error: open({
    reason: text,
    message: { type: 'string' },
    'retryAt?': instant,
    'field?': { type: 'string' },
  }),
});
