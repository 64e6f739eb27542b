import { KubeConfig } from '@kubernetes/client-node';
import { createKubeClient, type KubeClient } from '../kube/client.ts';
import { ensureCredentials } from '../main/local/credentials.ts';
import { layoutOf } from '../main/local/layout.ts';
import type { Platform } from '../main/local/platform.ts';
import { findLeftovers } from '../main/local/processes.ts';
import { loadSettings, readSettings, type WantedSettings } from '../main/local/settings.ts';
import { createLog } from '../main/log.ts';

/** The local Coppice of a data directory: its settings and keys, made where they are missing. Starts nothing. */
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
      `${layout.root} was removed while its Coppice ran, and processes of it still run: look at them with ` +
        `\`ps ${pids}\`, end them with \`kill ${pids}\`, then try again`,
    );
  }
  const settings = await loadSettings(layout, wanted);
  return { layout, settings, credentials: await ensureCredentials(layout, settings, new Date()), cliMain };
}

/** A client of the API that the kubeconfig names. */
export function openClient(kubeconfig: string): KubeClient {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  return clientFor(kubeConfig);
}

/** A client of the command line's. */
export function clientFor(kubeConfig: KubeConfig): KubeClient {
  return createKubeClient(kubeConfig, { log: createLog('coppice', 'warn'), userAgent: 'coppice-cli' });
}
