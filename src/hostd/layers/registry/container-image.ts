import { rename, rm } from 'node:fs/promises';
import type { ImageTool } from '../../drivers/driver.ts';
import { HostError, hostErrors, messageOf } from '../../errors/index.ts';
import { digestOf } from '../../files/digest.ts';
import { PARTIAL_SUFFIX } from '../../files/durable-files.ts';
import { fileExists } from '../../files/if-there.ts';
import { type DownloadRequest, download } from '../download.ts';
import { hasContainerDisk } from '../unpack/container-disk.ts';
import { contentOf, kindAt } from '../unpack/unpack.ts';
import { type Descriptor, readImageManifest } from './image-manifest.ts';
import { Repository } from './registry.ts';

type Request = DownloadRequest & { readonly images: Pick<ImageTool, 'unpack'> };

/**
 * Fetches from a registry the layer of a container image that has a file in /disk, to `path`, and verifies it: `sha256` is the digest of
 * the image's manifest, which has that of the layer. An index is followed to the image for this machine. Rejects as `download` does, and
 * with `ImageInvalid` when the image is none for this machine or no layer has such a file.
 */
export async function downloadContainerDisk(request: Request): Promise<void> {
  const repository = new Repository(request.url, request.signal);
  const layers = await layersOf(request.url, repository, request.sha256);
  if (await isOneOf(request.path, layers, request.signal)) return;
  // A file in a higher layer hides those below.
  for (const layer of layers.toReversed()) {
    const path = partPath(request.path, layer);
    await fetchLayer(request, repository, layer, path);
    if (layers.length === 1 || (await hasDisk(path, request))) {
      await rename(path, request.path);
      return;
    }
    await rm(path, { force: true });
  }
  throw hostErrors.containerDiskInvalid(request.url, `none of its ${layers.length} layers has a file there`);
}

async function layersOf(url: string, repository: Repository, sha256: string): Promise<readonly Descriptor[]> {
  const first = understood(url, await repository.manifest(sha256));
  if (first.kind === 'image') return first.layers;
  const second = understood(url, await repository.manifest(first.manifest.sha256));
  if (second.kind === 'image') return second.layers;
  throw hostErrors.containerImageUnusable(url, 'has an index in its index');
}

function understood(url: string, text: string) {
  try {
    return readImageManifest(text, process.arch);
  } catch (error) {
    // Its digest was right: it stays as it is.
    throw hostErrors.containerImageUnusable(url, messageOf(error));
  }
}

/** Whether an earlier attempt has left one of the layers there, chosen and whole. */
async function isOneOf(path: string, layers: readonly Descriptor[], signal: AbortSignal): Promise<boolean> {
  if (!(await fileExists(path))) return false;
  const digest = await digestOf(path, signal);
  if (layers.some(({ sha256 }) => sha256 === digest)) return true;
  await rm(path, { force: true });
  return false;
}

/** Each layer has a file of its own, so that the right one goes on when it was interrupted. */
function partPath(path: string, { sha256 }: Descriptor): string {
  return `${path.slice(0, -PARTIAL_SUFFIX.length)}-${sha256.slice(0, 16)}${PARTIAL_SUFFIX}`;
}

async function fetchLayer(
  request: Request,
  repository: Repository,
  { sha256 }: Descriptor,
  path: string,
): Promise<void> {
  await download({ ...request, sha256, path, open: (offset) => repository.blob(sha256, offset) });
}

async function hasDisk(path: string, { url, images, signal }: Request): Promise<boolean> {
  try {
    const kind = await kindAt(path);
    return await hasContainerDisk(contentOf(path, kind, url, images, signal));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HostError) throw error;
    throw hostErrors.packedDamaged(url, 'a layer of a container image', messageOf(error));
  }
}
