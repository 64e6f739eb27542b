import type { Server } from 'node:https';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import type { ApplianceManager } from '../appliance/manager.ts';
import type { Driver } from '../drivers/driver.ts';
import type { EventHub } from '../events.ts';
import type { Host } from '../host/host.ts';
import type { ImportStore } from '../imports/import-store.ts';
import type { LayerStore } from '../layers/store.ts';
import type { HostMetrics } from '../metrics.ts';
import type { BuildLogs } from '../seals/build-logs.ts';
import type { SealStore } from '../seals/seal-store.ts';
import type { UploadStore } from '../uploads/upload-store.ts';

/** What the routes serve. */
export type RouteContext = {
  readonly version: string;
  readonly host: Host;
  readonly appliances: ApplianceManager;
  readonly imports: ImportStore;
  readonly layers: LayerStore;
  readonly seals: SealStore;
  readonly buildLogs: BuildLogs;
  readonly uploads: UploadStore;
  readonly driver: Driver;
  readonly events: EventHub;
  readonly metrics: HostMetrics;
  readonly clock: Clock;
  /** Interval of the heartbeat on a silent event stream, in milliseconds. */
  readonly heartbeatMs: number;
  /** Aborted when the daemon stops; event streams then end. */
  readonly stopping: AbortSignal;
};

export type App = FastifyInstance<Server>;
