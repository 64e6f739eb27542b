import type { Command } from 'commander';
import type { KubeClient } from '../kube/client.ts';
import { defaultDataDir, layoutOf } from '../main/local/layout.ts';
import { clientFor, openClient } from './local.ts';
import { option } from './options.ts';

export type ClusterOptions = { readonly kubeconfig: string; readonly namespace: string };

/** Options of the commands that ask a cluster, any one: by default the local Coppice. */
export function addClusterOptions(command: Command): Command {
  const local = layoutOf(defaultDataDir(process.env)).kubeconfig;
  return command
    .addOption(option('--kubeconfig <file>', 'which cluster to ask', 'KUBECONFIG', local))
    .addOption(option('-n, --namespace <name>', 'namespace of the object', 'COPPICE_NAMESPACE', 'default'));
}

/** Runs `use` with a client of the chosen cluster and closes it afterwards. */
export async function withClient<T>(
  { kubeconfig }: ClusterOptions,
  use: (client: KubeClient) => Promise<T>,
): Promise<T> {
  const client = openClient(kubeconfig);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

export type AnyClusterOptions = { readonly kubeconfig?: string; readonly namespace: string };

/** Options of the commands that are for clusters, and run in them, too. */
export function addAnyClusterOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--kubeconfig <file>',
        "how to reach it; without it, the pod's account or ~/.kube/config",
        'KUBECONFIG',
      ),
    )
    .addOption(
      option('-n, --namespace <name>', 'where the operator runs', 'COPPICE_NAMESPACE', 'coppice-system'),
    );
}

/** Runs `use` with a client of that cluster and closes it afterwards. */
export async function withAnyCluster<T>(
  { kubeconfig }: AnyClusterOptions,
  use: (client: KubeClient) => Promise<T>,
): Promise<T> {
  const { loadKubeConfig } = await import('../main/operator.ts');
  const client = clientFor(loadKubeConfig(kubeconfig));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
