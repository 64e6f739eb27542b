/**
 * The one place that imports KubeConfig. Its package is 900 files, half a second and 80 MiB; only programs that call a Kubernetes
 * API load this file. A release has no more of the package than this file needs.
 */
import { KubeConfig } from '@kubernetes/client-node';

/** How to reach the API: the file, else KUBECONFIG, else ~/.kube/config, else the pod's service account. */
export function loadKubeConfig(path?: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (path === undefined) kubeConfig.loadFromDefault();
  else kubeConfig.loadFromFile(path);
  return kubeConfig;
}

/** One of several files, as kubectl merges them: where two say something about the same, the first one counts. */
export function mergeKubeConfigs(paths: readonly string[]): KubeConfig {
  const [config, ...others] = paths.map(loadKubeConfig);
  if (config === undefined) throw new Error('no kubeconfig is named');
  for (const other of others) config.mergeConfig(other);
  return config;
}
