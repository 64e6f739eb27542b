import { join } from 'node:path';
import PQueue from 'p-queue';
import type { Logger } from 'pino';
import type { Clock, Random } from '../base/clock.ts';
import { KeyedMutex } from '../base/keyed-mutex.ts';
import { ApplianceManager } from './appliance/manager.ts';
import type { HostServices, Pace } from './appliance/scope.ts';
import type { Driver } from './drivers/driver.ts';
import { EventHub } from './events.ts';
import { makeDirectory } from './files/durable-files.ts';
import { lockStateDirectory } from './files/file-lock.ts';
import { ensureSpace } from './files/space.ts';
import type { GuestWork } from './guest/agent-work.ts';
import { Host } from './host/host.ts';
import { type CapacityOverride, HostUse } from './host/host-use.ts';
import { createServer, listen, renewTls, type TlsFiles } from './http/server.ts';
import { ImportStore } from './imports/import-store.ts';
import { factsOf } from './layers/image/judge.ts';
import { diskOpener } from './layers/sealing.ts';
import { openSharedDirectory, type SharedDirectory } from './layers/shared/shared-directory.ts';
import { LayerStore } from './layers/store.ts';
import { HostMetrics } from './metrics.ts';
import { PackageCache } from './packages.ts';
import { portSpaceOf } from './ports/port-space.ts';
import { type PortRange, PortRegistry } from './ports/ports.ts';
import { BuildLogs } from './seals/build-logs.ts';
import { SealStore } from './seals/seal-store.ts';
import { type UploadKey, UploadStore } from './uploads/upload-store.ts';

export type HostDaemonOptions = {
  /** Name of the Host. */
  readonly name: string;
  readonly version: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: TlsFiles;
  readonly stateDirectory: string;
  readonly driver: Driver;
  /** Name of the bridge for appliances with addresses of their own; without, they are refused. */
  readonly bridge?: string;
  readonly guestWork: GuestWork;
  readonly capacity: CapacityOverride;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly pace: Pace;
  readonly portRange: PortRange;
  /** Bytes of the disk that must stay free for running VMs when something is made or fetched. */
  readonly reserveBytes: number;
  /** Path of a directory that this host shares with others; it has none by default. */
  readonly sharedDirectory?: string;
  /** Folders of this host below which `file:` addresses of layers and packages may lie. */
  readonly fileRoots: readonly string[];
  /** How many events are kept for clients that lost the connection. */
  readonly eventCapacity: number;
  readonly heartbeatMs: number;
  readonly measureMs: number;
};

export type HostDaemon = {
  readonly url: string;
  readonly port: number;
  /** Serves with another certificate from now on. */
  renewTls(tls: TlsFiles): void;
  close(): Promise<void>;
};

/**
 * Starts a host's daemon: locks the state directory, loads what is in it, finds the VMs that still run, then serves. `close` ends the daemon and leaves the VMs running. Rejects with `StateDirectoryInUse`.
 */
export async function startHostDaemon(options: HostDaemonOptions): Promise<HostDaemon> {
  await makeDirectory(options.stateDirectory);
  const lock = await lockStateDirectory(options.stateDirectory);
  try {
    const tls: CurrentTls = { current: options.tls };
    const parts = await openParts(options, tls);
    const serving = await serve(options, parts).catch(async (error: unknown) => {
      await closeParts(parts);
      throw error;
    });
    parts.appliances.start();
    parts.seals.start();
    return {
      url: serving.url,
      port: serving.port,
      renewTls: (renewed) => {
        tls.current = renewed;
        serving.renewTls(renewed);
      },
      close: async () => {
        await serving.close();
        await closeParts(parts);
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function serve(options: HostDaemonOptions, parts: Parts): Promise<HostDaemon> {
  const stopping = new AbortController();
  const app = createServer(options.tls, { ...parts, ...contextOf(options, stopping.signal) }, options.log);
  const address = await listen(app, options.listen.host, options.listen.port);
  const close = async () => {
    stopping.abort();
    await app.close();
  };
  return { ...address, renewTls: (tls) => renewTls(app, tls), close };
}

/** The certificates, which are replaced while the daemon runs. */
type CurrentTls = { current: TlsFiles };

type Parts = {
  readonly events: EventHub;
  readonly metrics: HostMetrics;
  readonly imports: ImportStore;
  readonly layers: LayerStore;
  readonly seals: SealStore;
  readonly buildLogs: BuildLogs;
  readonly uploads: UploadStore;
  readonly ports: PortRegistry;
  readonly appliances: ApplianceManager;
  readonly host: Host;
  readonly shared: SharedDirectory | undefined;
};

function contextOf({ version, driver, clock, heartbeatMs }: HostDaemonOptions, stopping: AbortSignal) {
  return { version, driver, clock, heartbeatMs, stopping };
}

async function openParts(options: HostDaemonOptions, tls: CurrentTls): Promise<Parts> {
  const { clock, driver, stateDirectory } = options;
  const startedAt = clock.now();
  const info = await driver.probe();
  const events = new EventHub({ epoch: startedAt, capacity: options.eventCapacity });
  const creation = new PQueue({ concurrency: info.creationConcurrency });
  const ports = new PortRegistry({ range: options.portRange, random: options.random });
  const { reserveBytes, fileRoots } = options;
  const packages = new PackageCache({ directory: join(stateDirectory, 'packages'), reserveBytes, fileRoots });
  const uploads = new UploadStore({
    directory: join(stateDirectory, 'uploads'),
    reserveBytes,
    clock,
    onChange: () => host.measureSoon(),
    log: options.log,
  });
  const shared = await openSharedDirectory(options);
  const layers: LayerStore = new LayerStore({
    shared,
    directory: join(stateDirectory, 'layers'),
    openDisk: diskOpener(driver.images.diskFormat),
    factsOf: (path) => factsOf(path, driver.images),
    digHoles: (path, signal) => driver.images.digHoles(path, signal),
    receive: {
      directory: join(stateDirectory, 'receiving'),
      diskFormat: driver.images.diskFormat,
      credentials: () => ({ cert: tls.current.cert, key: tls.current.key, ca: tls.current.clientCa }),
      ensureRoom: (identity, bytes) => ensureSpace(stateDirectory, `layer ${identity}`, bytes, reserveBytes),
      backoff: options.pace.backoff,
      clock,
      random: options.random,
      log: options.log,
    },
    holders: (identity) => [...appliances.holders(identity), ...seals.holders(identity)],
    onChange: (layer) => {
      events.publish({ type: 'layer', layer });
      appliances.layerChanged(layer.identity);
    },
    onGone: async (identity) => {
      await imports.layerGone(identity);
      await seals.layerGone(identity);
      await buildLogs.layerGone(identity);
      events.publish({ type: 'layerGone', identity });
    },
    log: options.log,
  });
  const imports: ImportStore = new ImportStore({
    directory: join(stateDirectory, 'imports'),
    clock,
    random: options.random,
    images: driver.images,
    backoff: options.pace.backoff,
    reserveBytes,
    fileRoots,
    takeUpload: (key, path) => uploads.linkTo(key, path),
    seal: (file, facts, signal) => layers.seal(file, facts, signal),
    hasLayer: (identity) => layers.has(identity),
    onChange: (status) => {
      events.publish({ type: 'import', import: status });
      if (status.state === 'Ready') removeUpload(uploads, status, options.log);
    },
    onGone: (key) => events.publish({ type: 'importGone', ...key }),
    log: options.log,
  });
  const disks = new KeyedMutex();
  const buildLogs = new BuildLogs(join(stateDirectory, 'build-logs'), options.log);
  const services: HostServices = { ...options, layers, ports, packages, creation, disks };
  const seals: SealStore = new SealStore({
    ...options,
    directory: join(stateDirectory, 'seals'),
    backoff: options.pace.backoff,
    layers,
    logs: buildLogs,
    disks,
    applianceOf: (uuid) => appliances.existing(uuid),
    layerPath: (identity) => layers.readyPath(identity),
    onChange: (seal) => events.publish({ type: 'seal', seal }),
    onGone: (uuid) => events.publish({ type: 'sealGone', uuid }),
    onHoldersChanged: (identities) => publishLayers(identities, layers, events),
  });
  const metrics: HostMetrics = new HostMetrics(
    () => host.status(),
    () => appliances.list(),
    () => driver.counts?.() ?? {},
  );
  const appliances = managerOf(options, services, events, metrics, () => host.measureSoon());
  const use = new HostUse({ clock, override: options.capacity, stateDirectory });
  const host: Host = new Host({
    ...options,
    startedAt,
    info,
    use,
    imports,
    layers,
    seals,
    uploads,
    appliances,
    creation,
    shared,
    portSpace: await portSpaceOf(),
    onChange: (status) => events.publish({ type: 'host', host: status }),
  });
  await appliances.open();
  await driver.reap(new Set(appliances.list().map(({ uuid }) => uuid))).catch((error: unknown) => {
    options.log.warn({ err: error }, 'leftovers of VMs that no longer exist could not be removed');
  });
  await packages.prune(() => appliances.packages());
  await uploads.open();
  await seals.open();
  await layers.open();
  await buildLogs.open((identity) => layers.get(identity) !== undefined);
  await imports.open();
  await host.start();
  shared?.start(() => {
    host.measureSoon();
    void layers.sharedChanged();
  });
  return { events, metrics, imports, layers, seals, buildLogs, uploads, ports, appliances, host, shared };
}

/** What is left is removed after a day. */
function removeUpload(uploads: UploadStore, key: UploadKey, log: Logger): void {
  uploads
    .remove(key)
    .catch((error: unknown) => log.warn({ err: error }, 'an upload that was imported could not be removed'));
}

function publishLayers(
  identities: readonly string[],
  layers: Pick<LayerStore, 'get'>,
  events: EventHub,
): void {
  for (const layer of identities.map((identity) => layers.get(identity)))
    if (layer !== undefined) events.publish({ type: 'layer', layer });
}

function managerOf(
  { stateDirectory, log }: HostDaemonOptions,
  services: HostServices,
  events: EventHub,
  metrics: HostMetrics,
  onRoom: () => void,
): ApplianceManager {
  const manager: ApplianceManager = new ApplianceManager({
    root: join(stateDirectory, 'appliances'),
    host: services,
    onChange: (appliance) => {
      metrics.observe(appliance);
      events.publish({ type: 'appliance', appliance });
    },
    onHoldersChanged: (uses) => publishLayers(uses, services.layers, events),
    onGone: (uuid) => {
      metrics.forget(uuid);
      events.publish({ type: 'applianceGone', uuid });
      onRoom();
    },
    onPackageReleased: () => {
      services.packages
        .prune(() => manager.packages())
        .catch((error: unknown) => {
          log.warn({ err: error }, 'packages that no appliance needs could not be removed');
        });
    },
  });
  return manager;
}

async function closeParts(parts: Parts): Promise<void> {
  const { appliances, imports, layers, seals, uploads, ports, host, shared } = parts;
  shared?.close();
  await appliances.close();
  await seals.close();
  await imports.close();
  await layers.close();
  uploads.close();
  await host.close();
  await ports.close();
}
