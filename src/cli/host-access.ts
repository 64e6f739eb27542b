import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { HOSTS, type VirtualAppliance } from '../api/kinds.ts';
import { HostClient } from '../host/client.ts';
import type { KubeClient } from '../kube/client.ts';
import { defaultDataDir, layoutOf } from '../main/local/layout.ts';
import { option } from './options.ts';

export type HostAccessOptions = {
  readonly hostCa: string;
  readonly hostCert: string;
  readonly hostKey: string;
};

/** Options with which a command may call host daemons: by default as the local Coppice's operator. */
export function addHostAccessOptions(command: Command): Command {
  const pki = layoutOf(defaultDataDir(process.env)).hostPki;
  return command
    .addOption(
      option(
        '--host-ca <file>',
        "CA of the host daemons' certificates, PEM",
        'COPPICE_HOST_CA',
        join(pki, 'ca.crt'),
      ),
    )
    .addOption(
      option(
        '--host-cert <file>',
        'client certificate for the daemons, PEM',
        'COPPICE_HOST_CERT',
        join(pki, 'operator.crt'),
      ),
    )
    .addOption(option('--host-key <file>', 'its key, PEM', 'COPPICE_HOST_KEY', join(pki, 'operator.key')));
}

/** The end of what the appliance's VM wrote to its console, asked of its host. */
export function consoleTail(
  client: KubeClient,
  access: HostAccessOptions,
  appliance: VirtualAppliance,
  bytes: number,
): Promise<string> {
  return withDaemon(client, access, appliance, (daemon, uuid) => daemon.getConsole(uuid, bytes));
}

/** Runs `use` with a client of the daemon of the appliance's host, and closes it afterwards. */
export async function withDaemon<T>(
  client: KubeClient,
  access: HostAccessOptions,
  { metadata, spec }: VirtualAppliance,
  use: (daemon: HostClient, uuid: string) => Promise<T>,
): Promise<T> {
  const { hostName } = spec;
  const name = `${metadata.namespace}/${metadata.name}`;
  if (hostName === undefined)
    throw new Error(`${name} is not placed on a host yet: see \`coppice describe\``);
  const host = await client.get(HOSTS, { name: hostName });
  const read = (file: string) => readFile(file, 'utf8');
  const [ca, cert, key] = await Promise.all([
    read(access.hostCa),
    read(access.hostCert),
    read(access.hostKey),
  ]);
  const daemon = new HostClient({ url: host.spec.address, hostName, ca, cert, key });
  try {
    return await use(daemon, metadata.uid ?? '');
  } finally {
    await daemon.close();
  }
}
