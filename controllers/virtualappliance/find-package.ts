import { CONFIG_MAPS, type VirtualAppliance } from '../../src/api/kinds.ts';
import { type KubeObject, keyOf, type ObjectName } from '../../src/base/object.ts';
import { isRefused } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { packageIn, packageOfTexts, versionOf } from '../objects/config-map.ts';
import { errorOf, RetryError } from '../obstacles/obstacle.ts';
import { packageObstacles } from '../obstacles/packages.ts';
import { type LatePackage, type PhaseResult, phaseDone, type Scope, type ServicePackage } from './scope.ts';

/** The package must exist; a ConfigMap's contents are read only when they are sent. */
export function findPackage(scope: Scope): PhaseResult {
  const { caches, client } = scope.context;
  scope.servicePackage = packageOf(scope.appliance, (key) => caches.configMaps.get(key), client);
  return phaseDone;
}

/**
 * S, the package, as the host expects it: files by value, archives by URL.
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
  if (inline !== undefined) return { value: packageOfTexts(inline.files, 'its inline package') };
  if (configMap === undefined) return {};
  const name = { namespace: metadata.namespace ?? 'default', name: configMap.revision ?? configMap.name };
  const found = findMetadata(keyOf(name));
  if (found === undefined) throw errorOf(packageObstacles.configMapNotFound(keyOf(name)));
  return { late: { version: versionOf(found), read: (signal) => read(client, name, signal) } };
}

async function read(
  client: Pick<KubeClient, 'find'>,
  name: ObjectName,
  signal: AbortSignal,
): ReturnType<LatePackage['read']> {
  const found = await client.find(CONFIG_MAPS, name, { signal }).catch((error: unknown) => {
    throw isRefused(error) ? new RetryError(packageObstacles.configMapRefused(error.message), error) : error;
  });
  if (found === undefined) throw errorOf(packageObstacles.configMapNotFound(keyOf(name)));
  return { version: versionOf(found), value: packageIn(found) };
}
