import { isRecord } from '../../../base/json.ts';
import { own } from '../../../base/own.ts';

/** A part of an image, by its digest. */
export type Descriptor = { readonly sha256: string; readonly bytes: number };

/** An image's layers, the lowest first; or, of an index, the manifest for this machine. */
export type ImageManifest =
  | { readonly kind: 'image'; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'index'; readonly manifest: Descriptor };

/** What a registry may answer with. */
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

/** Names of the architectures of Node in those of Go, which images have. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const DIGEST = /^sha256:([0-9a-f]{64})$/;

/**
 * Reads the manifest of an image, or an index, of which it chooses the image for Linux on `arch` (as Node names it). Throws, with what is
 * wrong, in words that follow on the image's name.
 * https://github.com/opencontainers/image-spec/blob/main/manifest.md
 */
export function readImageManifest(text: string, arch: string): ImageManifest {
  const manifest = parsed(text);
  if (Array.isArray(manifest.manifests)) {
    return { kind: 'index', manifest: chosen(manifest.manifests, own(ARCHITECTURES, arch) ?? arch) };
  }
  if (!Array.isArray(manifest.layers)) throw new Error('has a manifest that names no layers');
  const layers = manifest.layers.map(descriptorOf);
  if (layers.length === 0) throw new Error('has no layers');
  return { kind: 'image', layers };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new Error('has a manifest that is not JSON');
}

function chosen(manifests: readonly unknown[], architecture: string): Descriptor {
  const platforms = manifests.map((one) => ({ one, platform: platformOf(one) }));
  const found = platforms.find(({ platform }) => platform === `linux/${architecture}`);
  if (found !== undefined) return descriptorOf(found.one);
  const names = [...new Set(platforms.map(({ platform }) => platform))].slice(0, 10).join(', ');
  throw new Error(`has no image for linux/${architecture}, but for ${names === '' ? 'nothing' : names}`);
}

function platformOf(manifest: unknown): string {
  const platform = isRecord(manifest) && isRecord(manifest.platform) ? manifest.platform : {};
  const { os, architecture } = platform;
  return `${typeof os === 'string' ? os : '?'}/${typeof architecture === 'string' ? architecture : '?'}`;
}

function descriptorOf(value: unknown): Descriptor {
  const { digest, size } = isRecord(value) ? value : {};
  const sha256 = typeof digest === 'string' ? DIGEST.exec(digest)?.[1] : undefined;
  if (sha256 === undefined || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new Error('has a manifest that gives a part without its sha256 or size');
  }
  return { sha256, bytes: size };
}
