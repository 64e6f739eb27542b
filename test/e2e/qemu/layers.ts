import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DesiredAppliance, DesiredImport, ImportStatus } from '../../../src/host/protocol.ts';
import { eventually } from '../../integration/hostd/fixtures.ts';
import type { GuestImage } from '../guest-vm.ts';

/** The layers that the minimal guest's files became, and its kernel's command line. */
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

type PutImport = (sha256: string, desired: DesiredImport) => Promise<ImportStatus>;

/** Gives a host the files of a guest, as the operator would. */
export async function holdLayers(image: GuestImage, putImport: PutImport): Promise<Layers> {
  const manifest = JSON.parse(await readFile(join(dirname(image.disk), 'manifest.json'), 'utf8')) as {
    readonly files: Readonly<Record<string, { readonly sha256: string }>>;
  };
  const hold = async (path: string, kind: 'disk' | 'boot') => {
    const sha256 = manifest.files[basename(path)]?.sha256 ?? '';
    const desired = { kind, url: pathToFileURL(path).href, template: 'default/minimal' };
    const ask = () => putImport(sha256, desired);
    return await eventually(async () => (await ask()).identity, ask, 120_000);
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
export async function holdGuest(image: GuestImage, putImport: PutImport): Promise<OnLayers> {
  const layers = await holdLayers(image, putImport);
  return {
    layer: layers.disk,
    boot: bootOf(layers),
    disk: { mode: 'Incremental', sizeBytes: 256 * 1024 * 1024 },
    agentTimeoutSeconds: 300,
    serviceTimeoutSeconds: 600,
  };
}
