import type { Probe } from '../../domain/services/types.ts';
import type { BuildStatus, ServiceState, StepStatus } from '../../host/protocol.ts';
import { BUILD_STATES, SERVICE_STATES, STEP_NAMES } from '../../host/protocol.ts';
import type { JsonSchema } from '../../host/typed-schema.ts';
import type { PortMap } from '../ports/ports.ts';
import { validator } from '../validate.ts';

/**
 * What a daemon must remember about one appliance because it cannot find it out again by looking. Whether a step is done
 * is never read from here: that is looked up on the host and in the guest.
 */
export type ApplianceRecord = {
  readonly version: 1;
  readonly ports: PortMap;
  /** When its disk was made: a disk that is missing later was lost, and is not replaced by an empty one. */
  readonly diskCreatedAt?: string | undefined;
  /** The same of its second disk. */
  readonly dataDiskCreatedAt?: string | undefined;
  /** Whether the VM ever ran: from then on its ports are known outside and stay. */
  readonly started: boolean;
  /** The last state that was seen; after a restart it is shown until the next look. */
  readonly serviceState: ServiceState;
  readonly accessPoints: readonly string[];
  readonly steps: readonly StepStatus[];
  /** Whether the service answered when it was last asked. */
  readonly answers?: boolean;
  /** The probe that it passed last since the VM's start: it may be that of an earlier desired state. */
  readonly passedProbe?: Probe | undefined;
  /**
   * The size of the VM, and of its disk as far as one was asked for. Written before the VM is started with it. Undefined before the
   * first start.
   */
  readonly size?: VmSize | undefined;
  /** Whether the guest's agent has ever answered: the first boot of a guest with cloud-init also installs it. */
  readonly agentAnswered?: boolean;
  /** Set before the VM is suspended, and removed once the clock of the resumed guest is set. */
  readonly suspended?: boolean | undefined;
  /** The desired state whose steps were last carried out to their end, or to a failure. */
  readonly settled?: Settled;
  /** Of an appliance that builds a template, from its beginning on. */
  readonly build?: BuildRecord;
};

/** How far a build is. What of it happened in the guest is looked up there. */
export type BuildRecord = {
  readonly phase: BuildStatus['state'];
  readonly attempt: number;
  /** The step that is to be done next, from 0. */
  readonly next: number;
  /** Where in the log the output begins of the step that is under way. */
  readonly log?: { readonly step: number; readonly at: number };
  /**
   * Set before the guest is powered off to be started again, until it is up: the boot that ends. Meanwhile a VM that does not run is
   * started with the disk that it has.
   */
  readonly restart?: { readonly bootId: string } | undefined;
  /** The boot of the guest in which the steps are done. */
  readonly bootId?: string;
  readonly failure?: NonNullable<BuildStatus['failure']>;
};

/** In millicores and bytes. */
export type VmSize = {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly diskBytes?: number;
  /** Of the second disk, if there is one. */
  readonly dataBytes?: number;
};

/** A desired state, recognized by its digest: its content may change without its generation, as a ConfigMap does. */
export type Settled = { readonly generation: number; readonly digest: string };

export const emptyRecord: ApplianceRecord = {
  version: 1,
  ports: {},
  started: false,
  serviceState: 'VMUnavailable',
  accessPoints: [],
  steps: [],
};

const recordSchema: JsonSchema = {
  type: 'object',
  required: ['version', 'ports', 'started', 'serviceState', 'accessPoints', 'steps'],
  properties: {
    version: { const: 1 },
    ports: { type: 'object', additionalProperties: { type: 'integer', minimum: 1, maximum: 65535 } },
    diskCreatedAt: { type: 'string' },
    dataDiskCreatedAt: { type: 'string' },
    started: { type: 'boolean' },
    serviceState: { enum: SERVICE_STATES },
    accessPoints: { type: 'array', items: { type: 'string' } },
    steps: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'state', 'attempts', 'startedAt', 'seconds'],
        properties: {
          name: { enum: STEP_NAMES },
          state: { enum: ['Running', 'Done', 'Failed'] },
          attempts: { type: 'integer' },
          startedAt: { type: 'string' },
          seconds: { type: 'number' },
          message: { type: 'string' },
        },
      },
    },
    answers: { type: 'boolean' },
    passedProbe: {
      type: 'object',
      required: ['kind'],
      properties: { kind: { enum: ['http', 'tcp', 'exec'] } },
    },
    size: {
      type: 'object',
      required: ['cpuMillis', 'memoryBytes'],
      properties: {
        cpuMillis: { type: 'integer' },
        memoryBytes: { type: 'integer' },
        diskBytes: { type: 'integer' },
        dataBytes: { type: 'integer' },
      },
    },
    agentAnswered: { type: 'boolean' },
    suspended: { type: 'boolean' },
    settled: {
      type: 'object',
      required: ['generation', 'digest'],
      properties: { generation: { type: 'integer' }, digest: { type: 'string' } },
    },
    build: {
      type: 'object',
      required: ['phase', 'attempt', 'next'],
      properties: {
        phase: { enum: BUILD_STATES },
        attempt: { type: 'integer' },
        next: { type: 'integer' },
        log: {
          type: 'object',
          required: ['step', 'at'],
          properties: { step: { type: 'integer' }, at: { type: 'integer' } },
        },
        restart: { type: 'object', required: ['bootId'], properties: { bootId: { type: 'string' } } },
        bootId: { type: 'string' },
        failure: { type: 'object', required: ['reason', 'message'] },
      },
    },
  },
};

export function recordValidator(): (value: unknown) => ApplianceRecord {
  return validator<ApplianceRecord>(recordSchema);
}
