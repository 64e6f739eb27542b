import { CONFIG_MAPS, type VirtualAppliance } from '../../src/api/kinds.ts';
import { type KubeObject, keyOf, type ObjectName } from '../../src/api/object.ts';
import type { DesiredPackage } from '../../src/host/protocol.ts';
import { type ApiError, isRefused } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { StalledError, TransientError, WaitingError } from '../../src/kube/controller/errors.ts';

/** What the files of a package may come to in all; the CRD promises it for inline packages. */
const LARGEST_PACKAGE_BYTES = 512 * 1024;

/** What is read of the API server only when a host is to be told of it, and kept by nobody afterwards. */
export interface LatePackage {
  /** Of the ConfigMap as it is known now; the one that is read may be newer. */
  readonly version: string;
  /** @throws WaitingError ConfigMapNotFound, StalledError PackageTooLarge or PackageEmpty, TransientError when it is refused */
  read(signal: AbortSignal): Promise<{ readonly version: string; readonly value: DesiredPackage }>;
}

/** S, the package: by value, or how to read it; an appliance without a package has neither. */
export interface ServicePackage {
  readonly value?: DesiredPackage;
  readonly late?: LatePackage;
}

/**
 * S, the package, as the host wants it: files by value, archives by address.
 * @param findMetadata of a ConfigMap, by namespace/name
 * @throws WaitingError ConfigMapNotFound, StalledError PackageTooLarge or PackageEmpty of an inline package
 */
export function packageOf(
  { metadata, spec }: VirtualAppliance,
  findMetadata: (key: string) => KubeObject | undefined,
  client: Pick<KubeClient, 'find'>,
): ServicePackage {
  const { url, sha256, configMap, inline } = spec.package ?? {};
  if (url !== undefined && sha256 !== undefined) return { value: { kind: 'archive', url, sha256 } };
  if (inline !== undefined) return { value: filesOf(encode(inline.files), 'its inline package') };
  if (configMap === undefined) return {};
  const name = { namespace: metadata.namespace ?? 'default', name: configMap.name };
  const found = findMetadata(keyOf(name));
  if (found === undefined) throw notFound(name);
  return { late: { version: versionOf(found), read: (signal) => read(client, name, signal) } };
}

async function read(
  client: Pick<KubeClient, 'find'>,
  name: ObjectName,
  signal: AbortSignal,
): ReturnType<LatePackage['read']> {
  const found = await client.find(CONFIG_MAPS, name, { signal }).catch((error: unknown) => {
    throw isRefused(error) ? refusal(error) : error;
  });
  if (found === undefined) throw notFound(name);
  const files = { ...encode(found.data ?? {}), ...found.binaryData };
  return { version: versionOf(found), value: filesOf(files, `ConfigMap ${keyOf(name)}`) };
}

/** Differs whenever the content does. */
function versionOf({ metadata: { uid, resourceVersion } }: KubeObject): string {
  return `${uid}/${resourceVersion}`;
}

function refusal(cause: ApiError): TransientError {
  const message = `${cause.message}: let the operator get it, as its chart does; it is tried again`;
  return new TransientError(message, { cause });
}

function notFound(name: ObjectName): WaitingError {
  const message = `ConfigMap ${keyOf(name)} with the service's files does not exist: create it`;
  return new WaitingError('ConfigMapNotFound', message);
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
