import { expect, it } from 'vitest';
import { readImageManifest } from './image-manifest.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const sha256 = 'a'.repeat(64);
const forPlatform = (os: string, architecture: string) => ({
  digest,
  size: 1,
  platform: { os, architecture },
});

it('names its layers, or the manifest for a machine', () => {
  const layers = [{ digest, size: 5, mediaType: 'anything' }];
  expect(readImageManifest(JSON.stringify({ layers }), 'x64')).toEqual({
    kind: 'image',
    layers: [{ sha256, bytes: 5 }],
  });
  const manifests = [forPlatform('windows', 'amd64'), { digest }, forPlatform('linux', 'amd64')];
  expect(readImageManifest(JSON.stringify({ manifests }), 'x64')).toEqual({
    kind: 'index',
    manifest: { sha256, bytes: 1 },
  });
  expect(() => readImageManifest(JSON.stringify({ manifests }), 'arm64')).toThrow(
    'has no image for linux/arm64, but for windows/amd64, ?/?, linux/amd64',
  );
});

it.each([
  ['', /not JSON/],
  ['[]', /not JSON/],
  ['<html>', /not JSON/],
  ['{}', /names no layers/],
  ['{"layers":{}}', /names no layers/],
  ['{"layers":[]}', /has no layers/],
  ['{"manifests":[]}', /but for nothing/],
  ['{"layers":[null]}', /without its sha256 or size/],
  [`{"layers":[{"digest":"${digest}"}]}`, /without its sha256 or size/],
  [`{"layers":[{"digest":"${digest}","size":-1}]}`, /without its sha256 or size/],
  ['{"layers":[{"digest":"sha512:00","size":1}]}', /without its sha256 or size/],
  [`{"layers":[{"digest":"sha256:../${'a'.repeat(61)}","size":1}]}`, /without its sha256 or size/],
])('%s is refused', (text, message) => {
  expect(() => readImageManifest(text, 'x64')).toThrow(message);
});
