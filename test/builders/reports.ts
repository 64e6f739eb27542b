import { type HostView, importId } from '../../controllers/daemons/view.ts';
import type {
  ApplianceStatus,
  HostStatus,
  ImportStatus,
  LayerStatus,
  SealStatus,
} from '../../src/host/protocol.ts';

const GIBI = 1024 ** 3;

/** What a host's daemon says of itself: 8 cores and 16 GiB, nothing used, nothing wrong. */
export function aHostReport(overrides: Partial<HostStatus> = {}): HostStatus {
  return {
    name: 'host-a',
    daemonVersion: '0.1.0',
    driver: { name: 'simulated', version: '1', accelerator: 'none', capabilities: ['userNetwork'] },
    capacity: { cpuMillis: 8000, memoryBytes: 16 * GIBI, diskBytes: 100 * GIBI },
    used: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
    imports: [],
    layers: [],
    queue: { waiting: 0, running: 0, concurrency: 1 },
    appliances: 0,
    problems: [],
    foreignVms: [],
    startedAt: '2026-01-01T00:00:00.000Z',
    ...overrides,
  };
}

/** An appliance whose service answers. */
export function aReport(overrides: Partial<ApplianceStatus> = {}): ApplianceStatus {
  return {
    uuid: 'uid-web-0',
    generation: 1,
    namespace: 'default',
    name: 'web-0',
    deleting: false,
    serviceState: 'ServiceAvailable',
    vm: { state: 'Running', pid: 42 },
    accessPoints: ['http://127.0.0.1:20000/'],
    endpoints: [{ name: 'service', address: '127.0.0.1', port: 20_000, guestPort: 80 }],
    steps: [{ name: 'Start', state: 'Done', attempts: 1, startedAt: '2026-01-01T00:00:00.000Z', seconds: 2 }],
    ...overrides,
  };
}

/** The name of the layer that the image of `aTemplate` becomes. */
export const LAYER = '1'.repeat(64);

/** A layer that a host has whole: that of the image of `aTemplate`. */
export function aLayer(overrides: Partial<LayerStatus> = {}): LayerStatus {
  return { identity: LAYER, kind: 'disk', state: 'Ready', virtualBytes: GIBI, heldBy: [], ...overrides };
}

/** The import of the image of `aTemplate`, which has become its layer. */
export function anImport(overrides: Partial<ImportStatus> = {}): ImportStatus {
  const { state = 'Ready' } = overrides;
  return {
    sha256: 'a'.repeat(64),
    kind: 'disk',
    namespace: 'default',
    state,
    template: 'default/debian',
    fetchedBytes: 10,
    ...(state === 'Ready' ? { identity: LAYER } : {}),
    sources: [{ template: 'default/debian' }],
    ...overrides,
  };
}

/** A connected host with these imports, layers and appliances. */
export function aView(
  overrides: Partial<HostView> & {
    readonly imported?: readonly ImportStatus[];
    readonly holds?: readonly LayerStatus[];
    readonly runs?: readonly ApplianceStatus[];
    readonly sealed?: readonly SealStatus[];
  } = {},
): HostView {
  const { imported = [], holds = [], runs = [], sealed = [], ...rest } = overrides;
  const name = overrides.name ?? 'host-a';
  return {
    name,
    link: { state: 'connected' },
    status: aHostReport({ name }),
    imports: new Map(imported.map((one) => [importId(one), one])),
    layers: new Map(holds.map((layer) => [layer.identity, layer])),
    seals: new Map(sealed.map((seal) => [seal.uuid, seal])),
    appliances: new Map(runs.map((report) => [report.uuid, report])),
    ...rest,
  };
}
