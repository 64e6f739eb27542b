import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DesiredAppliance, DesiredLayer } from '../../../src/host/protocol.ts';
import type { GuestImage } from '../guest-vm.ts';

/** The minimal guest's files as a host holds them: digests, and its kernel's command line. */
export type Layers = {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
};

/** What of an appliance names the layers that it stands on. */
export type OnLayers = Pick<
  DesiredAppliance,
  'layer' | 'boot' | 'disk' | 'agentTimeoutSeconds' | 'serviceTimeoutSeconds'
>;

type PutLayer = (sha256: string, layer: DesiredLayer) => Promise<unknown>;

/** Gives a host the files of a guest, as the operator would. */
export async function holdLayers(image: GuestImage, putLayer: PutLayer): Promise<Layers> {
  const manifest = JSON.parse(await readFile(join(dirname(image.disk), 'manifest.json'), 'utf8')) as {
    readonly files: Readonly<Record<string, { readonly sha256: string }>>;
  };
  const hold = async (path: string, kind: 'disk' | 'boot') => {
    const sha256 = manifest.files[basename(path)]?.sha256 ?? '';
    await putLayer(sha256, { kind, url: pathToFileURL(path).href, template: 'default/minimal' });
    return sha256;
  };
  return {
    disk: await hold(image.disk, 'disk'),
    kernel: await hold(image.kernel, 'boot'),
    initrd: await hold(image.initrd, 'boot'),
    commandLine: image.kernelArguments,
  };
}

export function bootOf({ kernel, initrd, commandLine }: Layers): DesiredAppliance['boot'] {
  return { kind: 'direct', kernel, initrd, commandLine };
}

/** Gives a host the minimal guest; resolves with what appliances on it are made of. */
export async function holdGuest(image: GuestImage, putLayer: PutLayer): Promise<OnLayers> {
  const layers = await holdLayers(image, putLayer);
  return {
    layer: layers.disk,
    boot: bootOf(layers),
    disk: { mode: 'Incremental', sizeBytes: 256 * 1024 * 1024 },
    agentTimeoutSeconds: 300,
    serviceTimeoutSeconds: 600,
  };
}
