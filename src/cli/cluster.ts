import type { KubeConfig } from '@kubernetes/client-node';
import type { Command } from 'commander';
import type { KubeClient } from '../kube/client/client.ts';
import { layoutOf } from '../main/local/layout.ts';
import { openClient, openCluster, openDefaultCluster } from './local.ts';
import { dataDirOption, option } from './options.ts';

export type ServerOptions = { readonly dataDir: string; readonly kubeconfig: string };

export type ClusterOptions = ServerOptions & { readonly namespace?: string };

/** Options of the commands that read objects from a cluster; by default from the local Coppice. */
export function addClusterOptions(command: Command): Command {
  return addServerOptions(command).addOption(
    option(
      '-n, --namespace <name>',
      "namespace of the object (default: the kubeconfig's, else default)",
      'COPPICE_NAMESPACE',
    ),
  );
}

/** Options that choose an API server; by default that of the local Coppice. */
export function addServerOptions(command: Command): Command {
  return command
    .addOption(dataDirOption())
    .addOption(
      option(
        '--kubeconfig <file>',
        'the cluster to read from (default: the Coppice in the data directory)',
        'KUBECONFIG',
      ),
    )
    .hook('preAction', chooseCluster);
}

/** `--data-dir` on the command line chooses the Coppice there, even if KUBECONFIG is set. */
function chooseCluster(command: Command): void {
  const { dataDir, kubeconfig } = command.opts<{ dataDir: string; kubeconfig?: string }>();
  const isFlag = (name: string) => command.getOptionValueSource(name) === 'cli';
  if (kubeconfig !== undefined && (isFlag('kubeconfig') || !isFlag('dataDir'))) return;
  command.setOptionValueWithSource('kubeconfig', layoutOf(dataDir).kubeconfig, 'implied');
}

/** The chosen cluster, and the chosen namespace in it. */
export type Cluster = {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly config: KubeConfig;
};

/** Runs `use` with the chosen cluster; closes its client afterwards. */
export async function withCluster<T>(
  { kubeconfig, namespace }: ClusterOptions,
  use: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const cluster = await openCluster(kubeconfig);
  try {
    return await use({ ...cluster, namespace: namespace ?? cluster.namespace ?? 'default' });
  } finally {
    await cluster.client.close();
  }
}

/** As `withCluster`, for those who need the client and the namespace alone. */
export async function withClient<T>(
  options: ClusterOptions,
  use: (client: KubeClient, namespace: string) => Promise<T>,
): Promise<T> {
  return await withCluster(options, ({ client, namespace }) => use(client, namespace));
}

export type AnyClusterOptions = { readonly kubeconfig?: string; readonly namespace: string };

/** Options of the commands for any cluster, which also run as pods in it. */
export function addAnyClusterOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--kubeconfig <file>',
        "the cluster (default: the pod's own, else that of ~/.kube/config)",
        'KUBECONFIG',
      ),
    )
    .addOption(
      option('-n, --namespace <name>', 'namespace of the operator', 'COPPICE_NAMESPACE', 'coppice-system'),
    );
}

/** Runs `use` with a client of the chosen cluster, and closes the client afterwards. */
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
