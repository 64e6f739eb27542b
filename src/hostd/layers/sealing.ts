import type { LayerKind } from '../../host/protocol.ts';
import { identityOf, type LayerShape } from './content/identity.ts';
import type { Lineage } from './content/lineage.ts';
import type { Manifest } from './content/manifest.ts';
import { RawContent } from './content/raw.ts';
import { type Content, scan } from './content/scan.ts';
import { Qcow2Reader } from './qcow2/reader.ts';
import type { DiskFormat } from './transfer/unfinished-file.ts';

/** A finished file that nobody writes to any more. */
export type FinishedFile = {
  readonly path: string;
  readonly kind: LayerKind;
  /** What a disk is a difference to. */
  readonly parent?: { readonly identity: string; readonly lineage: Lineage };
  readonly onProgress?: (readBytes: number) => void;
};

export type Named = { readonly identity: string; readonly shape: LayerShape; readonly manifest: Manifest };

/** Reads what a disk's file itself holds, without what it is based on. No VM may write to it. */
export type OpenDisk = (path: string) => Promise<Content>;

/** @param format how the host's driver keeps disks */
export function diskOpener(format: DiskFormat): OpenDisk {
  return format === 'qcow2' ? (path) => Qcow2Reader.open(path) : (path) => RawContent.open(path);
}

/** Reads a file once and finds the name of the layer that it is. */
export async function nameOf(
  { path, kind, parent, onProgress }: FinishedFile,
  openDisk: OpenDisk,
  signal?: AbortSignal,
): Promise<Named> {
  const content = await (kind === 'disk' ? openDisk(path) : RawContent.open(path));
  try {
    const { virtualBytes } = content;
    const manifest = await scan(content, {
      ...(parent === undefined ? {} : { parent: parent.lineage }),
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const shape = { kind, virtualBytes, ...(parent === undefined ? {} : { parent: parent.identity }) };
    return { identity: identityOf(shape, manifest), shape, manifest };
  } finally {
    await content.close();
  }
}
