import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DesiredAppliance } from '../../../src/host/protocol.ts';
import type { TestHost } from '../../integration/hostd/fixtures.ts';
import type { GuestImage } from '../guest-vm.ts';

/** The minimal guest's files as a host holds them: digests, and what its kernel is told. */
export type Layers = {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
};

/** Gives the host the files of a guest, as the operator would. */
export async function holdLayers(host: TestHost, image: GuestImage): Promise<Layers> {
  const manifest = JSON.parse(await readFile(join(dirname(image.disk), 'manifest.json'), 'utf8')) as {
    readonly files: Readonly<Record<string, { readonly sha256: string }>>;
  };
  const hold = async (path: string, kind: 'disk' | 'boot') => {
    const sha256 = manifest.files[basename(path)]?.sha256 ?? '';
    await host.client.putLayer(sha256, { kind, url: pathToFileURL(path).href, template: 'default/minimal' });
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
