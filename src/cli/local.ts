import { delimiter } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from '../base/clock.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { ensureCredentials } from '../main/local/credentials.ts';
import { layoutOf } from '../main/local/layout.ts';
import type { Platform } from '../main/local/platform.ts';
import { findLeftovers } from '../main/local/processes.ts';
import { loadSettings, readSettings, type WantedSettings } from '../main/local/settings.ts';

/** The local Coppice of a data directory. Creates missing settings and keys, and starts nothing. */
export async function openPlatform(
  dataDir: string,
  wanted: WantedSettings,
  cliMain: string,
): Promise<Platform> {
  const layout = layoutOf(dataDir);
  const left = (await readSettings(layout)) === undefined ? await findLeftovers(layout) : [];
  if (left.length > 0) {
    const pids = left.join(' ');
    throw new Error(
      `${layout.root} was removed while its Coppice ran, and some of its processes still run: look at them with ` +
        `\`ps ${pids}\`, end them with \`kill ${pids}\`, then try again`,
    );
  }
  const settings = await loadSettings(layout, wanted);
  const credentials = await ensureCredentials(layout, settings, systemClock.now());
  return { layout, settings, credentials, cliMain };
}

/** A client of the cluster in a kubeconfig. `kubeconfig` is a file, or a list of files as in KUBECONFIG: earlier ones win. */
export async function openClient(kubeconfig: string): Promise<KubeClient> {
  return (await openCluster(kubeconfig)).client;
}

/** As `openClient`, with the merged kubeconfig, and the namespace of its current context if it has one. */
export async function openCluster(kubeconfig: string): Promise<{
  readonly client: KubeClient;
  readonly namespace: string | undefined;
  readonly config: KubeConfig;
}> {
  const { mergeKubeConfigs } = await import('../main/kube-config.ts');
  const config = mergeKubeConfigs(kubeconfig.split(delimiter));
  return {
    client: await clientOf(config),
    config,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
  };
}

/** A client of the cluster in which this program runs as a pod, or else of ~/.kube/config. */
export async function openDefaultCluster(): Promise<KubeClient> {
  const { loadKubeConfig } = await import('../main/kube-config.ts');
  return await clientOf(loadKubeConfig());
}

async function clientOf(config: KubeConfig): Promise<KubeClient> {
  const { createLog } = await import('../main/log.ts');
  const { createKubeClient } = await import('../kube/client/create.ts');
  return createKubeClient(config, { log: createLog('coppice', 'warn'), userAgent: 'coppice-cli' });
}
