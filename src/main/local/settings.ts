import { createServer } from 'node:net';
import type { LocalDriverName } from '../../api/drivers.ts';
import { setOwn } from '../../base/own.ts';
import { readFileIfThere, writeFileAtomically } from '../atomic-files.ts';
import type { Layout } from './layout.ts';

/** Chosen at the first start and kept: VMs, kubeconfigs and Host objects refer to them. */
export type Settings = {
  readonly apiPort: number;
  /** Where the operator serves streams, behind the API server; absent in what older releases wrote, until the next start. */
  readonly streamsPort?: number;
  readonly driver: LocalDriverName;
  /** Name of each host to the port of its daemon. */
  readonly hosts: Readonly<Record<string, number>>;
  /** Bridge of this machine for appliances with addresses of their own, when there is one. */
  readonly bridge?: string;
};

export type WantedSettings = {
  readonly apiPort?: number;
  readonly driver?: Settings['driver'];
  readonly hosts?: number;
  readonly bridge?: string;
};

const DEFAULT_API_PORT = 7443;
const HOST_LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** The settings of this data directory; chosen and saved if there are none yet. */
export async function loadSettings(layout: Layout, wanted: WantedSettings): Promise<Settings> {
  const text = await readFileIfThere(layout.settings);
  if (text === undefined) {
    return await saveSettings(layout, await chooseSettings(wanted));
  }
  const settings = parseSettings(text, layout.settings);
  refuseChange(settings, wanted, layout);
  if (settings.streamsPort !== undefined) return settings;
  return await saveSettings(layout, { ...settings, streamsPort: await freePort(0, settings.hosts) });
}

async function saveSettings(layout: Layout, settings: Settings): Promise<Settings> {
  await writeFileAtomically(layout.settings, `${JSON.stringify(settings, null, 2)}\n`);
  return settings;
}

/** The settings, or undefined when nothing was started in this data directory yet. */
export async function readSettings(layout: Layout): Promise<Settings | undefined> {
  const text = await readFileIfThere(layout.settings);
  return text === undefined ? undefined : parseSettings(text, layout.settings);
}

/** The settings; rejects when nothing was started in this data directory yet. */
export async function requireSettings(layout: Layout): Promise<Settings> {
  const settings = await readSettings(layout);
  if (settings === undefined) {
    throw new Error(`there is no Coppice in ${layout.root}: start one with \`coppice up\``);
  }
  return settings;
}

function parseSettings(text: string, path: string): Settings {
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (error) {
    throw damaged(path, error);
  }
  if (!isSettings(settings)) throw damaged(path);
  return settings;
}

function isSettings(value: unknown): value is Settings {
  const { apiPort, driver, hosts } = (value ?? {}) as Partial<Settings>;
  return (
    typeof apiPort === 'number' && typeof driver === 'string' && typeof hosts === 'object' && hosts !== null
  );
}

function damaged(path: string, cause?: unknown): Error {
  return new Error(`${path} is damaged: restore it, or remove the data directory to start from scratch`, {
    cause,
  });
}

function refuseChange(settings: Settings, wanted: WantedSettings, layout: Layout): void {
  const hosts = Object.keys(settings.hosts).length;
  const differs =
    (wanted.apiPort !== undefined && wanted.apiPort !== settings.apiPort && 'API port') ||
    (wanted.driver !== undefined && wanted.driver !== settings.driver && 'driver') ||
    (wanted.hosts !== undefined && wanted.hosts !== hosts && 'number of hosts') ||
    (wanted.bridge !== undefined && wanted.bridge !== settings.bridge && 'bridge');
  if (differs) {
    throw new Error(
      `${layout.root} was set up with ${hosts} hosts, driver ${settings.driver}, API port ${settings.apiPort} and ` +
        `${settings.bridge === undefined ? 'no bridge' : `bridge ${settings.bridge}`}; ` +
        `the ${differs} cannot be changed: leave the option out, or name another folder with --data-dir`,
    );
  }
}

async function chooseSettings(wanted: WantedSettings): Promise<Settings> {
  const apiPort = wanted.apiPort ?? (await freePort(DEFAULT_API_PORT));
  const hosts: Record<string, number> = {};
  for (const letter of HOST_LETTERS.slice(0, wanted.hosts ?? 2))
    setOwn(hosts, `host-${letter}`, await freePort(0, hosts));
  const bridge = wanted.bridge === undefined ? {} : { bridge: wanted.bridge };
  const streamsPort = await freePort(0, { ...hosts, api: apiPort });
  return { apiPort, streamsPort, driver: wanted.driver ?? 'qemu', hosts, ...bridge };
}

/** `preferred` if it is free on 127.0.0.1, else any free port that is not in `taken`. */
async function freePort(preferred: number, taken: Readonly<Record<string, number>> = {}): Promise<number> {
  const port = await tryListen(preferred).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') return tryListen(0);
    throw error;
  });
  return Object.values(taken).includes(port) ? freePort(0, taken) : port;
}

function tryListen(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port was given'));
        else resolve(address.port);
      });
    });
  });
}
