import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/api/object.ts';
import type { DesiredPackage } from '../../src/host/protocol.ts';
import { StalledError, WaitingError } from '../../src/kube/errors.ts';

/** A core/v1 ConfigMap, as far as packages need it. */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  /** Values in base64. */
  binaryData?: Record<string, string>;
}

/** What the files of a package may come to in all; the CRD promises it for inline packages. */
const LARGEST_PACKAGE_BYTES = 512 * 1024;

/**
 * S, the package, as the host wants it: files by value, archives by address.
 * @param findConfigMap by namespace/name
 * @throws WaitingError ConfigMapNotFound, StalledError PackageTooLarge or PackageEmpty
 */
export function packageOf(
  { metadata, spec }: VirtualAppliance,
  findConfigMap: (key: string) => ConfigMap | undefined,
): DesiredPackage | undefined {
  const { url, sha256, configMap, inline } = spec.package ?? {};
  if (url !== undefined && sha256 !== undefined) return { kind: 'archive', url, sha256 };
  if (inline !== undefined) return filesOf(encode(inline.files), 'its inline package');
  if (configMap === undefined) return undefined;
  const key = `${metadata.namespace}/${configMap.name}`;
  const found = findConfigMap(key);
  if (found === undefined) {
    throw new WaitingError(
      'ConfigMapNotFound',
      `ConfigMap ${key} with the service's files does not exist: create it`,
    );
  }
  return filesOf({ ...encode(found.data ?? {}), ...found.binaryData }, `ConfigMap ${key}`);
}

function filesOf(files: Readonly<Record<string, string>>, from: string): DesiredPackage {
  if (Object.keys(files).length === 0) {
    throw new StalledError('PackageEmpty', `${from} has no entries: add the service's files`);
  }
  const bytes = Object.values(files).reduce((sum, content) => sum + Buffer.byteLength(content, 'base64'), 0);
  if (bytes > LARGEST_PACKAGE_BYTES) {
    throw new StalledError(
      'PackageTooLarge',
      `the files of ${from} come to ${bytes} bytes, more than ${LARGEST_PACKAGE_BYTES}: give them as an archive by url`,
    );
  }
  return { kind: 'files', files };
}

function encode(files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name, Buffer.from(text, 'utf8').toString('base64')]),
  );
}
