import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DesiredAppliance, DesiredLayer } from '../../../src/host/protocol.ts';
import type { GuestImage } from '../guest-vm.ts';

/** What of an appliance names the layers that it stands on. */
export type OnLayers = Pick<
  DesiredAppliance,
  'layer' | 'boot' | 'disk' | 'agentTimeoutSeconds' | 'serviceTimeoutSeconds'
>;

/** Gives a host the minimal guest by `putLayer`; resolves with what appliances on it are made of. */
export async function holdGuest(
  image: GuestImage,
  putLayer: (sha256: string, layer: DesiredLayer) => Promise<unknown>,
): Promise<OnLayers> {
  const manifest = JSON.parse(await readFile(join(dirname(image.disk), 'manifest.json'), 'utf8')) as {
    readonly files: Readonly<Record<string, { readonly sha256: string }>>;
  };
  const hold = async (path: string, kind: 'disk' | 'boot') => {
    const sha256 = manifest.files[basename(path)]?.sha256 ?? '';
    await putLayer(sha256, { kind, url: pathToFileURL(path).href, template: 'default/minimal' });
    return sha256;
  };
  const [layer, kernel, initrd] = [
    await hold(image.disk, 'disk'),
    await hold(image.kernel, 'boot'),
    await hold(image.initrd, 'boot'),
  ];
  return {
    layer,
    boot: { kind: 'direct', kernel, initrd, commandLine: image.kernelArguments },
    disk: { mode: 'Incremental', sizeBytes: 256 * 1024 * 1024 },
    agentTimeoutSeconds: 300,
    serviceTimeoutSeconds: 600,
  };
}
