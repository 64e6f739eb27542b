import { createHash } from 'node:crypto';
import type { ConfigMap } from '../../src/api/kinds.ts';
import { type KubeObject, keyOf } from '../../src/base/object.ts';
import type { DesiredPackage } from '../../src/host/protocol.ts';
import { errorOf } from '../obstacles/obstacle.ts';
import { packageObstacles } from '../obstacles/packages.ts';

/** The largest sum of a package's files; the CRD enforces it for inline packages. */
const LARGEST_PACKAGE_BYTES = 512 * 1024;
/** Hexadecimal digits of a digest that names a content. */
const DIGEST_LENGTH = 16;

type Files = Readonly<Record<string, string>>;

/** Changes whenever the content does. */
export function versionOf({ metadata: { uid, resourceVersion } }: KubeObject): string {
  return `${uid}/${resourceVersion}`;
}

/** A ConfigMap's entries as a package. @throws StalledError PackageTooLarge or PackageEmpty */
export function packageIn(configMap: ConfigMap): DesiredPackage {
  return packageOfFiles(filesIn(configMap), `ConfigMap ${keyOf(configMap)}`);
}

/** Texts as a package. @param from where they are, for messages @throws StalledError PackageTooLarge or PackageEmpty */
export function packageOfTexts(texts: Files, from: string): DesiredPackage {
  return packageOfFiles(encode(texts), from);
}

/** Names the content, and nothing but the content: another label of the ConfigMap is the same revision. */
export function digestOf(configMap: ConfigMap): string {
  const entries = Object.entries(filesIn(configMap)).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, DIGEST_LENGTH);
}

/** Its entries, in base64. */
export function filesIn({ data = {}, binaryData }: ConfigMap): Files {
  return { ...encode(data), ...binaryData };
}

function packageOfFiles(files: Files, from: string): DesiredPackage {
  if (Object.keys(files).length === 0) throw errorOf(packageObstacles.empty(from));
  const bytes = Object.values(files).reduce((sum, content) => sum + Buffer.byteLength(content, 'base64'), 0);
  if (bytes > LARGEST_PACKAGE_BYTES)
    throw errorOf(packageObstacles.tooLarge(from, bytes, LARGEST_PACKAGE_BYTES));
  return { kind: 'files', files };
}

function encode(texts: Files): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text, 'utf8').toString('base64')]),
  );
}
