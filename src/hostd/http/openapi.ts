import { hostStatusSchema } from '../../host/host-schemas.ts';
import {
  desiredImportSchema,
  desiredLayerSchema,
  desiredSealSchema,
  importListSchema,
  importStatusSchema,
  layerListSchema,
  layerStatusSchema,
  sealListSchema,
  sealStatusSchema,
  uploadStatusSchema,
  verifyRequestSchema,
} from '../../host/layer-schemas.ts';
import {
  applianceListSchema,
  applianceStatusSchema,
  desiredApplianceSchema,
  errorBodySchema,
} from '../../host/schemas.ts';
import type { JsonSchema } from '../../host/typed-schema.ts';
import { chunksBody, OCTETS } from '../layers/transfer/protocol.ts';

type Operation = {
  readonly summary: string;
  readonly body?: JsonSchema;
  readonly status?: number;
  readonly answer: JsonSchema | string;
  readonly errors?: readonly number[];
};

const PLAIN = 'text/plain';

/** Every call of DESIGN section 4 that this daemon serves. */
const PATHS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/v1/host': {
    get: {
      summary: 'Capacity, measured use, driver, layers and queue of this host.',
      answer: hostStatusSchema,
    },
  },
  '/v1/events': {
    get: {
      summary: 'Every change of state, as server-sent events; resumed by the header Last-Event-ID.',
      answer: 'text/event-stream',
    },
  },
  '/v1/appliances': {
    get: { summary: 'All appliances of this host, with the time of each step.', answer: applianceListSchema },
  },
  '/v1/appliances/{uuid}': {
    get: { summary: 'One appliance.', answer: applianceStatusSchema, errors: [404] },
    put: {
      summary:
        'Create or change this appliance. Idempotent; older generations and changes that need a new VM are refused.',
      body: desiredApplianceSchema,
      answer: applianceStatusSchema,
      errors: [400, 409],
    },
    delete: {
      summary: 'Remove this appliance: it is gone when GET answers 404.',
      status: 202,
      answer: applianceStatusSchema,
      errors: [404],
    },
  },
  '/v1/appliances/{uuid}/console': {
    get: {
      summary:
        "The last ?bytes= of the VM's console; with ?follow=true, what is added to them, too. As a WebSocket (v5.channel.k8s.io): the console itself.",
      answer: PLAIN,
      errors: [400, 404, 409],
    },
  },
  '/v1/appliances/{uuid}/exec': {
    get: {
      summary:
        'A program in the guest, by a WebSocket (v5.channel.k8s.io): ?command= for each word, ?stdin=, ?tty=, ?timeoutSeconds=.',
      status: 101,
      answer: '',
      errors: [400, 404, 409, 429, 503],
    },
  },
  '/v1/appliances/{uuid}/build-log': {
    get: {
      summary:
        'The last ?bytes= that the steps of a build printed; with ?follow=true, what is added to them, too.',
      answer: PLAIN,
      errors: [404, 409],
    },
  },
  '/v1/appliances/{uuid}/service-log': {
    get: {
      summary:
        'The last ?bytes= that the service printed, at most 48 KiB; with ?follow=true, what is added to them, too.',
      answer: PLAIN,
      errors: [404, 409],
    },
  },
  '/v1/imports': {
    get: { summary: 'All files that this host imports, or imported.', answer: importListSchema },
  },
  '/v1/imports/{sha256}': {
    put: {
      summary: 'Fetch this file, from these sources and no others, and make it a layer.',
      body: desiredImportSchema,
      answer: importStatusSchema,
      errors: [400, 409],
    },
    delete: {
      summary: 'Forget the import of ?namespace= and ?kind=, and what was fetched so far; its layer stays.',
      status: 204,
      answer: '',
      errors: [400, 404],
    },
  },
  '/v1/layers': { get: { summary: 'All layers of this host.', answer: layerListSchema } },
  '/v1/layers/{identity}/verify': {
    post: {
      summary: 'Read this layer again, and compare it with its name: its status says how far that is.',
      body: verifyRequestSchema,
      status: 202,
      answer: layerStatusSchema,
      errors: [400, 404],
    },
  },
  '/v1/layers/{identity}': {
    get: {
      summary: 'One layer.',
      answer: layerStatusSchema,
      errors: [404],
    },
    put: {
      summary: 'Have this layer, from these hosts, and let others read it.',
      body: desiredLayerSchema,
      answer: layerStatusSchema,
      errors: [400, 409],
    },
    delete: {
      summary: 'Remove this layer; refused while appliances or other layers stand on it.',
      status: 204,
      answer: '',
      errors: [404, 409],
    },
  },
  '/v1/layers/{identity}/log': {
    get: {
      summary:
        'The last ?bytes= that the steps printed of the build, in ?namespace=, that became this layer; with ?source=console, of what its VM wrote to its console.',
      answer: PLAIN,
      errors: [400, 404],
    },
  },
  '/v1/layers/{identity}/manifest': {
    get: {
      summary: 'What each chunk of this layer is; also for hosts that may read the layer.',
      answer: OCTETS,
      errors: [403, 404, 503],
    },
  },
  '/v1/layers/{identity}/chunks': {
    post: {
      summary: 'Chunks of this layer, one after the other; also for hosts that may read the layer.',
      body: chunksBody,
      answer: OCTETS,
      errors: [400, 403, 404, 503],
    },
  },
  '/v1/seals': { get: { summary: "Layers that are made of appliances' disks.", answer: sealListSchema } },
  '/v1/seals/{uuid}': {
    put: {
      summary:
        "Make a layer of what an appliance's disk holds. Idempotent; a VM that runs goes on, its file systems frozen for a moment.",
      body: desiredSealSchema,
      answer: sealStatusSchema,
      errors: [400, 409],
    },
    delete: { summary: 'Forget this seal; its layer stays.', status: 204, answer: '', errors: [404] },
  },
  '/v1/uploads/{namespace}/{sha256}': {
    get: { summary: 'How far a file is that a user pushes.', answer: uploadStatusSchema },
    put: {
      summary:
        'The next bytes of a file (application/octet-stream), from ?offset= on, of ?total= bytes; on the disk when this is answered.',
      answer: uploadStatusSchema,
      errors: [400, 409, 422, 507],
    },
  },
  '/metrics': { get: { summary: 'Metrics for Prometheus.', answer: PLAIN } },
  '/healthz': { get: { summary: 'The daemon is alive.', answer: PLAIN } },
  '/readyz': {
    get: { summary: 'The daemon has inspected everything on its host.', answer: PLAIN, errors: [503] },
  },
};

/** The daemon's API as an OpenAPI 3.1 document. */
export function openApiDocument(version: string): JsonSchema {
  const paths = Object.entries(PATHS).map(([path, operations]) => {
    const described = Object.entries(operations).map(([method, each]) => [method, describe(each)] as const);
    return [path, { ...parametersOf(path), ...Object.fromEntries(described) }] as const;
  });
  return {
    openapi: '3.1.0',
    info: {
      title: 'Coppice host daemon',
      version,
      description:
        'HTTPS with mutual TLS. Memory and disk in bytes, CPU in millicores, durations in seconds.',
    },
    paths: Object.fromEntries(paths),
    components: { schemas: { Error: errorBodySchema } },
  };
}

function describe({ summary, body, status = 200, answer, errors = [] }: Operation): JsonSchema {
  const failures = [403, ...errors].map((code) => [
    code,
    { description: 'An error.', content: json({ $ref: '#/components/schemas/Error' }) },
  ]);
  const content = typeof answer !== 'string' ? json(answer) : answer === '' ? undefined : { [answer]: {} };
  return {
    summary,
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: {
      [status]: { description: summary, ...(content === undefined ? {} : { content }) },
      ...Object.fromEntries(failures),
    },
  };
}

function json(schema: JsonSchema): JsonSchema {
  return { 'application/json': { schema } };
}

function parametersOf(path: string): JsonSchema {
  const names = [...path.matchAll(/\{([a-z0-9]+)\}/g)].map(([, name]) => name);
  if (names.length === 0) return {};
  return {
    parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
  };
}
