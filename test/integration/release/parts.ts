import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TEMPLATES } from '../../../src/api/kinds.ts';
import { openClient, openPlatform } from '../../../src/cli/local.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import {
  apiIsReady,
  apiPart,
  applyHosts,
  bringUp,
  daemonIsReady,
  hostParts,
  hostsAreReady,
  operatorPart,
  type Platform,
  stopApi,
  stopWorkers,
} from '../../../src/main/local/platform.ts';
import { findPart } from '../../../src/main/local/processes.ts';
import type { Settings } from '../../../src/main/local/settings.ts';
import { SERIES, SYSTEM_NAMESPACE } from '../../../src/main/local/template.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import { freePorts } from '../../kubernetes/processes.ts';

/** API server, operator and one host, each a process of the program under test, in a folder of their own. */
export class Parts {
  readonly client: KubeClient;
  readonly #platform: Platform;

  private constructor(platform: Platform, client: KubeClient) {
    this.#platform = platform;
    this.client = client;
  }

  /** @param program path of `main.ts`, or of what was made of it */
  static async start(program: string, driver: Settings['driver'] = 'simulated'): Promise<Parts> {
    const folder = await mkdtemp(join(tmpdir(), 'coppice-parts-'));
    const [apiPort = 0] = await freePorts(1);
    const platform = await openPlatform(folder, { apiPort, driver, hosts: 1 }, program);
    const parts = new Parts(platform, await openClient(platform.layout.kubeconfig));
    try {
      await parts.#bringUp();
      return parts;
    } catch (error) {
      await parts.close();
      throw error;
    }
  }

  async #bringUp(): Promise<void> {
    const platform = this.#platform;
    const { signal } = new AbortController();
    // A daemon does not start without the folders from which it may read.
    await mkdir(join(platform.layout.guests, SERIES), { recursive: true });
    await bringUp(platform, apiPart(platform), () => apiIsReady(this.client), signal);
    const hosts = hostParts(platform);
    for (const host of hosts) await bringUp(platform, host, () => daemonIsReady(platform, host.name), signal);
    await applyHosts(platform, this.client);
    const names = hosts.map(({ name }) => name);
    await bringUp(platform, operatorPart(platform), () => hostsAreReady(this.client, names), signal);
  }

  /** A template of the series that examples/hello names; its image is bytes that no VM could boot. */
  async addTemplate(): Promise<void> {
    const { guests } = this.#platform.layout;
    const path = join(guests, SERIES, 'disk.img');
    const content = aBootableDisk('an image');
    await writeFile(path, content);
    const image = {
      url: pathToFileURL(path).href,
      sha256: createHash('sha256').update(content).digest('hex'),
    };
    await this.client.create(TEMPLATES, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Template',
      metadata: { name: SERIES, namespace: SYSTEM_NAMESPACE },
      spec: {
        series: SERIES,
        version: '1',
        source: { image },
        container: { type: 'static-site' },
        sharing: { scope: 'Cluster' },
      },
    } as never);
  }

  /** Of `api`, `operator` or `host-a`. */
  async pid(part: string): Promise<number> {
    const pid = await findPart(this.#platform.layout, part);
    if (pid === undefined) throw new Error(`${part} does not run`);
    return pid;
  }

  async close(): Promise<void> {
    const { layout, settings } = this.#platform;
    await this.client.close();
    await stopWorkers(layout, settings);
    await stopApi(layout);
    await rm(layout.root, { recursive: true, force: true });
  }
}
