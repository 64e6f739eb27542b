import { createServer } from 'node:http';
import type { Logger } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import { type DriverName, driverFacts } from '../api/drivers.ts';
import { systemClock } from '../base/clock.ts';
import type { HostDaemonOptions } from '../hostd/daemon.ts';
import { type HostDaemon, startHostDaemon } from '../hostd/daemon.ts';
import type { Driver } from '../hostd/drivers/driver.ts';
import type { SimulatedConfig } from '../hostd/drivers/simulated/config.ts';
import { createAgentWork } from '../hostd/guest/agent-work.ts';
import type { TlsFiles } from '../hostd/http/server.ts';
import { stopAllVms } from '../hostd/stop-all.ts';
import { createDriver } from './driver-factories.ts';
import { type Listening, listenAt } from './listening.ts';

export type HostdConfig = {
  /** The Host object's name. */
  readonly name: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly stateDir: string;
  readonly driver: DriverName;
  /** For a daemon in a container: the host's /sys/fs/cgroup, where VMs get a control group of their own, and outlive it. */
  readonly cgroupRoot?: string | undefined;
  /** Bridge for appliances with their own addresses; without it, they are not placed here. */
  readonly bridge?: string | undefined;
  /** What the host offers; by default what the machine has. */
  readonly capacity: { readonly cpuMillis?: number | undefined; readonly memoryBytes?: number | undefined };
  /** Folders from which `file:` URLs of layers and packages may read; without any, they are refused. */
  readonly fileRoots: readonly string[];
  /** Path of a directory that this host shares with others, such as a mount of NFS. */
  readonly sharedDirectory?: string | undefined;
  readonly tls: TlsFiles;
  /** Port of 127.0.0.1 where /healthz answers without TLS; not served by default. */
  readonly healthPort?: number | undefined;
  readonly log: Logger;
  /** For driver `simulated`: how long its steps take, and which fail. */
  readonly simulated?: Omit<SimulatedConfig, 'clock'>;
  /** Replaces some of the daemon's usual durations and limits, so that tests run faster. */
  readonly overrides?: Partial<Tuning>;
};

const MIB = 1024 * 1024;

type Tuning = Pick<
  HostDaemonOptions,
  'pace' | 'portRange' | 'reserveBytes' | 'eventCapacity' | 'heartbeatMs' | 'measureMs'
>;

const TUNING: Tuning = {
  pace: {
    watchMs: 5000,
    pollMs: 100,
    questionMs: 2000,
    shutdownMs: 30_000,
    containerMs: 120_000,
    backoff: { initialMs: 1000, maxMs: 60_000 },
  },
  // Below the kernel's ports for outgoing connections, and below Kubernetes' NodePorts.
  portRange: { first: 20_000, last: 29_999 },
  reserveBytes: 64 * MIB,
  eventCapacity: 4096,
  heartbeatMs: 10_000,
  measureMs: 10_000,
};

/** Starts one host's daemon with all its parts. `close` leaves its VMs running. */
export async function runHostd(config: HostdConfig): Promise<HostDaemon> {
  const daemon = await startHostDaemon({
    ...TUNING,
    ...config.overrides,
    name: config.name,
    version: packageJson.version,
    listen: config.listen,
    tls: config.tls,
    stateDirectory: config.stateDir,
    fileRoots: config.fileRoots,
    driver: await driverOf(config),
    ...bridgeOf(config),
    ...(config.sharedDirectory === undefined ? {} : { sharedDirectory: config.sharedDirectory }),
    guestWork: createAgentWork(),
    capacity: config.capacity,
    clock: systemClock,
    random: Math.random,
    log: config.log,
  });
  config.log.info({ url: daemon.url, driver: config.driver }, 'the host daemon serves');
  return config.healthPort === undefined ? daemon : await withHealth(daemon, config.healthPort);
}

async function withHealth(daemon: HostDaemon, port: number): Promise<HostDaemon> {
  const close = () => daemon.close();
  const health = await serveHostHealth(port).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    ...daemon,
    close: async () => {
      await health.close();
      await close();
    },
  };
}

/**
 * Answers GET /healthz on 127.0.0.1, and nothing else. The probes of a DaemonSet have no certificate for the daemon's own port;
 * and an answer shows that the daemon's event loop runs, which an open port alone does not.
 */
async function serveHostHealth(port: number): Promise<Listening> {
  const server = createServer((request, response) => {
    const isHealthz = request.url === '/healthz';
    response.writeHead(isHealthz ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(isHealthz ? 'ok\n' : 'there is only /healthz\n');
  });
  return await listenAt(server, { host: '127.0.0.1', port });
}

/** Shuts down every VM of a state directory on which no daemon runs; the next daemon starts them again. */
export async function stopVms(config: Omit<HostdConfig, 'name' | 'tls'>): Promise<void> {
  const driver = await driverOf(config);
  await stopAllVms({
    stateDirectory: config.stateDir,
    driver,
    timeoutMs: TUNING.pace.shutdownMs,
    log: config.log,
  });
}

function bridgeOf({ driver, bridge }: HostdConfig): { bridge?: string } {
  const name = bridge ?? driverFacts(driver).defaultBridge;
  return name === undefined ? {} : { bridge: name };
}

function driverOf(config: Omit<HostdConfig, 'name' | 'tls'>): Promise<Driver> {
  const { driver, stateDir, log, simulated, cgroupRoot, bridge } = config;
  const searchPath = process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  return createDriver(driver, {
    clock: systemClock,
    log,
    stateDirectory: stateDir,
    searchPath,
    cgroupRoot,
    bridge,
    simulated,
  });
}
