import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { HOSTS } from '../api/kinds.ts';
import type { HostClient } from '../host/client.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { layoutOf } from '../main/local/layout.ts';
import type { ClusterOptions } from './cluster.ts';
import { option } from './options.ts';

export type HostAccessOptions = ClusterOptions & {
  readonly hostCa?: string;
  readonly hostCert?: string;
  readonly hostKey?: string;
};

/** Options for calls to host daemons; by default the command uses the operator's certificate of the local Coppice. */
export function addHostAccessOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--host-ca <file>',
        "CA of the host daemons' certificates, PEM (default: the local Coppice's)",
        'COPPICE_HOST_CA',
      ),
    )
    .addOption(
      option(
        '--host-cert <file>',
        "client certificate for calls to the daemons, PEM (default: that of the local Coppice's operator)",
        'COPPICE_HOST_CERT',
      ),
    )
    .addOption(option('--host-key <file>', "the client certificate's key, PEM", 'COPPICE_HOST_KEY'));
}

/** CA, certificate and key: as given, else from beside the kubeconfig (if `coppice up` wrote it), else from the data directory. */
export function filesOf({ dataDir, kubeconfig, hostCa, hostCert, hostKey }: HostAccessOptions) {
  const beside = layoutOf(dirname(kubeconfig)).hostPki;
  const pki = existsSync(beside) ? beside : layoutOf(dataDir).hostPki;
  const [ca, cert, key] = [hostCa ?? join(pki, 'ca.crt'), hostCert ?? join(pki, 'operator.crt'), hostKey];
  return [ca, cert, key ?? join(pki, 'operator.key')] as const;
}

/** Runs `use` with a client of a host's daemon, and closes the client afterwards. */
export async function withDaemonOf<T>(
  client: KubeClient,
  access: HostAccessOptions,
  hostName: string,
  use: (daemon: HostClient) => Promise<T>,
): Promise<T> {
  const host = await client.get(HOSTS, { name: hostName });
  const [ca = '', cert = '', key = ''] = await Promise.all(
    filesOf(access).map((file) => readFile(file, 'utf8')),
  );
  const { HostClient } = await import('../host/client.ts');
  const daemon = new HostClient({ url: host.spec.address, hostName, ca, cert, key });
  try {
    return await use(daemon);
  } finally {
    await daemon.close();
  }
}
