import type { LayerKind } from '../../host/protocol.ts';
import { identityOf, type LayerShape } from './content/identity.ts';
import type { Lineage } from './content/lineage.ts';
import type { Manifest } from './content/manifest.ts';
import { RawContent } from './content/raw.ts';
import { type Content, scan } from './content/scan.ts';

/** A finished file that nobody writes to any more. */
export type FinishedFile = {
  readonly path: string;
  readonly kind: LayerKind;
  /** What a disk is a difference to. */
  readonly parent?: { readonly identity: string; readonly lineage: Lineage };
};

export type Named = { readonly identity: string; readonly shape: LayerShape; readonly manifest: Manifest };

/** Reads the disk of a file of this host. */
export type OpenDisk = (path: string) => Promise<Content>;

/** Reads a file once and finds the name of the layer that it is. */
export async function nameOf(
  { path, kind, parent }: FinishedFile,
  openDisk: OpenDisk,
  signal?: AbortSignal,
): Promise<Named> {
  const content = await (kind === 'disk' ? openDisk(path) : RawContent.open(path));
  try {
    const { virtualBytes } = content;
    const manifest = await scan(content, {
      ...(parent === undefined ? {} : { parent: parent.lineage }),
      ...(signal === undefined ? {} : { signal }),
    });
    const shape = { kind, virtualBytes, ...(parent === undefined ? {} : { parent: parent.identity }) };
    return { identity: identityOf(shape, manifest), shape, manifest };
  } finally {
    await content.close();
  }
}
