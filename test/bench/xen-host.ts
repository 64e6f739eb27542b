import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HostClient } from '../../src/host/client.ts';
import {
  type ApplianceStatus,
  type DesiredAppliance,
  hostServerName,
  OPERATOR_ORGANIZATION,
  type StepName,
} from '../../src/host/protocol.ts';
import { createCa, issueCertificate } from '../../src/main/certificates.ts';
import type { GuestImage } from '../e2e/guest-vm.ts';
import { XenBed } from '../xen/bed.ts';
import { Dom0 } from '../xen/dom0.ts';

const POLL_MS = 200;
/** A VM is made in 10 s; on a busy machine it takes minutes. */
const LIMIT_MS = 1_200_000;
const MIB = 1024 * 1024;

/** Room for five VMs of 128 MiB beside dom0. */
const SIZE = { memoryMiB: 2560, dom0MemoryMiB: 1024 } as const;

/** What an appliance is made of, by digest. */
type Layers = { readonly disk: string; readonly kernel: string; readonly initrd: string };

/** A dom0 with the daemon in it, and a client of the daemon. */
export class XenHost {
  readonly bed: XenBed;
  readonly client: HostClient;
  readonly #layers: Layers;
  readonly #commandLine: string;
  #addresses = 100;

  private constructor(bed: XenBed, client: HostClient, layers: Layers, commandLine: string) {
    this.bed = bed;
    this.client = client;
    this.#layers = layers;
    this.#commandLine = commandLine;
  }

  static async start(name: string, image: GuestImage): Promise<XenHost> {
    const bed = new XenBed(await Dom0.boot(SIZE));
    try {
      const now = Date.now();
      const ca = await createCa({ commonName: 'bench', days: 1, now });
      const common = { days: 1, now, commonName: name } as const;
      const server = await issueCertificate(ca, {
        ...common,
        dnsNames: [hostServerName(name)],
        usage: 'server',
      });
      const organizations = [OPERATOR_ORGANIZATION];
      const operator = await issueCertificate(ca, { ...common, organizations, usage: 'client' });
      const url = await bed.startDaemon({ name, ...server, clientCa: ca.cert });
      const client = new HostClient({ hostName: name, url, ca: ca.cert, ...operator });
      const layers = {
        disk: await give(bed, client, 'disk', image.disk),
        kernel: await give(bed, client, 'boot', image.kernel),
        initrd: await give(bed, client, 'boot', image.initrd),
      };
      return new XenHost(bed, client, layers, image.kernelArguments);
    } catch (error) {
      await bed.close();
      throw error;
    }
  }

  /** Asks for `count` appliances at once; resolves with their uuids. */
  async ask(count: number): Promise<readonly string[]> {
    const wishes = Array.from({ length: count }, () => this.#wish());
    await Promise.all(wishes.map((wish) => this.client.putAppliance(wish)));
    return wishes.map(({ uuid }) => uuid);
  }

  /** The appliances once this step of each is done. */
  async until(uuids: readonly string[], step: StepName): Promise<readonly ApplianceStatus[]> {
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const all = await Promise.all(uuids.map((uuid) => this.client.getAppliance(uuid)));
      const found = all.filter((each) => each !== undefined);
      if (found.every((each) => stepOf(each, step)?.state === 'Done')) return found;
      if (Date.now() > deadline) throw new Error(`step ${step} is not done: ${JSON.stringify(found)}`);
      await delay(POLL_MS);
    }
  }

  async remove(uuids: readonly string[]): Promise<void> {
    await Promise.all(uuids.map((uuid) => this.client.deleteAppliance(uuid)));
    for (const uuid of uuids) {
      while ((await this.client.getAppliance(uuid)) !== undefined) await delay(POLL_MS);
    }
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.bed.close();
  }

  #wish(): DesiredAppliance {
    const uuid = randomUUID();
    this.#addresses = this.#addresses >= 199 ? 100 : this.#addresses + 1;
    const { disk, kernel, initrd } = this.#layers;
    return {
      uuid,
      generation: 1,
      namespace: 'bench',
      name: `xen-${uuid.slice(0, 8)}`,
      powerState: 'Running',
      layer: disk,
      boot: { kind: 'direct', kernel, initrd, commandLine: this.#commandLine },
      disk: { mode: 'Incremental' },
      resources: { cpuMillis: 50, memoryBytes: 128 * MIB },
      network: {
        mode: 'bridge',
        ports: [{ name: 'service', guestPort: 80 }],
        address: `10.0.2.${this.#addresses}`,
        prefixLength: 24,
        dns: [],
      },
      service: { name: 'web', container: { type: 'static-site', port: 80 }, parameters: {} },
      agentTimeoutSeconds: LIMIT_MS / 1000,
      serviceTimeoutSeconds: LIMIT_MS / 1000,
    };
  }
}

export function stepOf({ steps }: ApplianceStatus, name: StepName) {
  return steps.find((step) => step.name === name);
}

async function give(bed: XenBed, client: HostClient, kind: 'disk' | 'boot', path: string): Promise<string> {
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  await client.putLayer(sha256, { kind, url: await bed.provide(path), template: 'bench/minimal' });
  while ((await client.getLayer(sha256))?.state !== 'Ready') await delay(POLL_MS);
  return sha256;
}
