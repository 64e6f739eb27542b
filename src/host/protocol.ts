/**
 * The host daemon's API as types: what the operator asks of a host, and what a host answers. JSON over HTTPS with mutual TLS.
 * `schemas.ts` is the source: it holds each field with its meaning and its limits, and checks requests at the edge.
 *
 * Units: memory and disk in bytes, CPU in millicores, durations in seconds, instants in RFC 3339 with milliseconds.
 */
import type { buildStatusSchema, desiredBuildSchema } from './build-schemas.ts';
import type { hostStatusSchema } from './host-schemas.ts';
import type {
  desiredImportSchema,
  desiredLayerSchema,
  desiredSealSchema,
  importStatusSchema,
  LAYER_KINDS,
  layerLogQuery,
  layerStatusSchema,
  sealStatusSchema,
  uploadStatusSchema,
  verifyRequestSchema,
} from './layer-schemas.ts';
import type { problemSchema } from './problem.ts';
import type { applianceStatusSchema, desiredApplianceSchema, errorBodySchema } from './schemas.ts';
import type { SERVICE_STATES } from './states.ts';
import type { Static } from './typed-schema.ts';

export { BUILD_STATES, SERVICE_STATES, STEP_NAMES } from './states.ts';

/** Lower-case hex digest of a file as its source serves it. */
export type Sha256 = string;
/** The name of a layer on every host: it follows from its content (`src/hostd/layers/content/identity.ts`). */
export type LayerIdentity = string;

/** The DNS name that a daemon's certificate carries; the operator asks for it, so no host can answer for another. */
export function hostServerName(hostName: string): string {
  return `${hostName}.host.coppice`;
}

/** The organization a client certificate must carry to be served by a daemon. */
export const OPERATOR_ORGANIZATION = 'coppice:operators';

// ---------------------------------------------------------------------------------------------- layers

/** `PUT /v1/imports/{sha256}`: fetch this file and make it a layer. */
export type DesiredImport = Static<typeof desiredImportSchema>;
export type ImportKind = DesiredImport['kind'];
export type LayerKind = (typeof LAYER_KINDS)[number];
export type ImportStatus = Static<typeof importStatusSchema>;

/** Which import: each namespace imports by itself, and a file may be imported as a disk and to boot from. */
export type ImportKey = Pick<ImportStatus, 'sha256' | 'kind' | 'namespace'>;

/** `PUT /v1/layers/{identity}`: have this layer. */
export type DesiredLayer = Static<typeof desiredLayerSchema>;
export type VerifyRequest = Static<typeof verifyRequestSchema>;
export type LayerLogQuery = Static<typeof layerLogQuery>;
export type LayerStatus = Static<typeof layerStatusSchema>;
/** `PUT /v1/seals/{uuid}`: make a layer of an appliance's disk. */
export type DesiredSeal = Static<typeof desiredSealSchema>;
export type SealStatus = Static<typeof sealStatusSchema>;
export type UploadStatus = Static<typeof uploadStatusSchema>;
export type FetchPhase = NonNullable<ImportStatus['phase']>;

// ------------------------------------------------------------------------------------------ appliances

/** `PUT /v1/appliances/{uuid}`: complete and idempotent; an older generation than the known one is refused with 409. */
export type DesiredAppliance = Static<typeof desiredApplianceSchema>;
export type GuestBoot = DesiredAppliance['boot'];
/** How the guest runs under Xen, from the Template's `spec.guest.xen`; hosts with another driver ignore it. */
export type XenGuest = NonNullable<DesiredAppliance['xen']>;
export type DesiredMachine = NonNullable<DesiredAppliance['machine']>;
export type DesiredNetwork = DesiredAppliance['network'];
/** `hostPort` unset: the host picks a free one and keeps it for the appliance's life. */
export type PortRequest = Extract<DesiredNetwork, { mode: 'user' }>['ports'][number];
/** D = (S, C, R, P) less R: the service of an appliance (SO-MVDS section 5). */
export type DesiredService = DesiredAppliance['service'];
/** What runs services in the guest, from the Template's `spec.container`. */
export type DesiredContainer = DesiredService['container'];
export type DesiredPackage = NonNullable<DesiredService['package']>;
export type DesiredProbe = NonNullable<DesiredService['parameters']['probe']>;

export type DesiredBuild = Static<typeof desiredBuildSchema>;
export type DesiredBuildStep = DesiredBuild['steps'][number];
export type BuildStatus = Static<typeof buildStatusSchema>;

/** Why something is not as it should be. */
export type Problem = Static<typeof problemSchema>;

export type ApplianceStatus = Static<typeof applianceStatusSchema>;
export type ServiceState = (typeof SERVICE_STATES)[number];
export type StepStatus = ApplianceStatus['steps'][number];
export type StepName = StepStatus['name'];
export type Endpoint = ApplianceStatus['endpoints'][number];
export type VmStatus = ApplianceStatus['vm'];

// ------------------------------------------------------------------------------------------------ host

export type HostStatus = Static<typeof hostStatusSchema>;
/** `userNetwork`, `bridgeNetwork`: the modes of {@link DesiredNetwork} that work there now. */
export type Capability = HostStatus['driver']['capabilities'][number];

// ---------------------------------------------------------------------------------------------- events

/**
 * `GET /v1/events`, server-sent events. `id` is `<daemon start>-<sequence>`; a `Last-Event-ID` that the daemon no
 * longer knows is answered by one `reset` event, after which every appliance and layer and the host follow once.
 */
export type HostEvent =
  | { readonly type: 'reset' }
  | { readonly type: 'host'; readonly host: HostStatus }
  | { readonly type: 'layer'; readonly layer: LayerStatus }
  | { readonly type: 'layerGone'; readonly identity: LayerIdentity }
  | { readonly type: 'import'; readonly import: ImportStatus }
  | ({ readonly type: 'importGone' } & ImportKey)
  | { readonly type: 'seal'; readonly seal: SealStatus }
  | { readonly type: 'sealGone'; readonly uuid: string }
  | { readonly type: 'appliance'; readonly appliance: ApplianceStatus }
  | { readonly type: 'applianceGone'; readonly uuid: string };

/** Body of every answer that is not 2xx. */
export type ErrorBody = Static<typeof errorBodySchema>;
