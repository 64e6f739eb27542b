import type { Command } from 'commander';
import type { KubeClient } from '../kube/client/client.ts';
import { layoutOf } from '../main/local/layout.ts';
import { openClient, openCluster, openDefaultCluster } from './local.ts';
import { dataDirOption, option } from './options.ts';

export type ClusterOptions = {
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly namespace?: string;
};

/** Options of the commands that ask a cluster, any one: by default the local Coppice. */
export function addClusterOptions(command: Command): Command {
  return command
    .addOption(dataDirOption())
    .addOption(
      option(
        '--kubeconfig <file>',
        'which cluster to ask; that of the data directory when not given',
        'KUBECONFIG',
      ),
    )
    .addOption(
      option(
        '-n, --namespace <name>',
        "namespace of the object; the kubeconfig's, else default, when not given",
        'COPPICE_NAMESPACE',
      ),
    )
    .hook('preAction', chooseCluster);
}

/** Who names a data directory means the Coppice in it, whatever KUBECONFIG may say. */
function chooseCluster(command: Command): void {
  const { dataDir, kubeconfig } = command.opts<{ dataDir: string; kubeconfig?: string }>();
  const isMeant = (name: string) => command.getOptionValueSource(name) === 'cli';
  if (kubeconfig !== undefined && (isMeant('kubeconfig') || !isMeant('dataDir'))) return;
  command.setOptionValueWithSource('kubeconfig', layoutOf(dataDir).kubeconfig, 'implied');
}

/** Runs `use` with a client of the chosen cluster and the chosen namespace; closes the client afterwards. */
export async function withClient<T>(
  { kubeconfig, namespace }: ClusterOptions,
  use: (client: KubeClient, namespace: string) => Promise<T>,
): Promise<T> {
  const cluster = await openCluster(kubeconfig);
  try {
    return await use(cluster.client, namespace ?? cluster.namespace ?? 'default');
  } finally {
    await cluster.client.close();
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
  const client = await (kubeconfig === undefined ? openDefaultCluster() : openClient(kubeconfig));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
