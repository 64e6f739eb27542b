import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../src/base/clock.ts';
import type { DesiredAppliance, StepName } from '../../../src/host/protocol.ts';
import { Simulation } from '../../../src/hostd/drivers/simulated/config.ts';
import { createSimulatedImages } from '../../../src/hostd/drivers/simulated/images.ts';
import { SET_NETWORK } from '../../../src/hostd/guest/network.ts';
import { diskOpener, nameOf } from '../../../src/hostd/layers/sealing.ts';
import type { HostdConfig } from '../../../src/main/hostd.ts';
import { QUICK, withDirectory } from './fixtures.ts';
import { MisbehavingServer, serving } from './misbehaving-server.ts';

/** A file of which, until it is released, only the first bytes come. */
export class StallingFile {
  readonly sha256: string;
  /** The layer that a simulated host makes of it. */
  readonly layer: string;
  readonly #content: Buffer;
  readonly #server: MisbehavingServer;

  private constructor(server: MisbehavingServer, content: Buffer, layer: string) {
    this.#server = server;
    this.#content = content;
    this.layer = layer;
    this.sha256 = createHash('sha256').update(content).digest('hex');
    server.answer((_, response) => {
      response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 1));
    });
  }

  static async start(content: Buffer): Promise<StallingFile> {
    return new StallingFile(await MisbehavingServer.start(), content, await layerOf(content));
  }

  get url(): string {
    return this.#server.url('/slow');
  }

  release(): void {
    this.#server.answer(serving(this.#content));
    this.#server.breakConnections();
  }

  async close(): Promise<void> {
    await this.#server.close();
  }
}

async function layerOf(content: Buffer): Promise<string> {
  const images = createSimulatedImages(new Simulation({ clock: systemClock, times: {} }));
  let identity = '';
  await withDirectory(async (directory) => {
    const [source, target] = [join(directory, 'source'), join(directory, 'target')];
    await writeFile(source, content);
    await images.convert(source, 'raw', target);
    identity = (await nameOf({ path: target, kind: 'disk' }, diskOpener(images.diskFormat))).identity;
  });
  return identity;
}

const LONG_MS = 3_600_000;
/** A guest boots whether or not somebody waits for it. */
const BOOT_MS = 3_000;
const slow = (times: NonNullable<HostdConfig['simulated']>['times']) => ({
  ...QUICK,
  times: { ...QUICK.times, ...times },
});
const hanging = (step: 'exec' | 'writeFile', of: string) => ({
  ...QUICK,
  failures: [{ step, of, hangs: true, message: 'it hangs' }],
});

interface Scene {
  /** The step that lasts. */
  readonly step: StepName;
  readonly simulated?: HostdConfig['simulated'];
  readonly change?: (desired: DesiredAppliance, stalling: StallingFile) => Partial<DesiredAppliance>;
}

/** Each step of an appliance, and what makes it last until something is done about it. */
export const scenes: readonly Scene[] = [
  { step: 'Layers', change: (_, { layer }) => ({ layer }) },
  { step: 'Disk', simulated: slow({ clone: LONG_MS }), change: () => ({ disk: { mode: 'Clone' } }) },
  { step: 'Disk', simulated: slow({ overlay: 300 }) },
  { step: 'Start', simulated: slow({ start: LONG_MS }) },
  { step: 'Agent', simulated: slow({ agent: BOOT_MS }), change: () => ({ agentTimeoutSeconds: 3600 }) },
  {
    step: 'Network',
    simulated: hanging('exec', SET_NETWORK),
    change: () => ({
      network: { mode: 'bridge', ports: [], address: '10.0.8.10', prefixLength: 24, dns: [] },
    }),
  },
  { step: 'Configure', simulated: hanging('exec', '/etc/coppice/env') },
  { step: 'Container', simulated: slow({ container: LONG_MS }) },
  {
    step: 'Package',
    change: ({ service }, { url, sha256 }) => ({
      service: { ...service, package: { kind: 'archive', url, sha256 } },
    }),
  },
  { step: 'Install', simulated: hanging('writeFile', 'index.html') },
  { step: 'Service', simulated: slow({ service: LONG_MS }), change: () => ({ serviceTimeoutSeconds: 3600 }) },
];
