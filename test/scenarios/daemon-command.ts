import type { DaemonIdentity } from './bed.ts';

/** Names of the files with the daemon's identity, in a folder that the bed chooses. */
export const identityFiles = { cert: 'daemon.crt', key: 'daemon.key', clientCa: 'ca.crt' } as const;

/** Port at which a bed's daemon listens. */
export const DAEMON_PORT = 7444;

/** What the host offers: more than it has, so that it is not placement that decides. */
const OFFER = ['--cpu', '8', '--memory', '8Gi'];

/** Arguments of `coppice` for a bed's daemon. */
export function daemonArguments(
  { name }: DaemonIdentity,
  options: {
    readonly driver: string;
    readonly stateDirectory: string;
    readonly identityFolder: string;
    readonly fileRoot: string;
  },
): string[] {
  const { driver, stateDirectory, identityFolder, fileRoot } = options;
  return [
    ...['hostd', '--name', name, '--driver', driver, '--bridge', 'br0', '--listen', `0.0.0.0:${DAEMON_PORT}`],
    ...['--state-dir', stateDirectory, '--file-root', fileRoot, ...OFFER],
    ...['--tls-cert', `${identityFolder}/${identityFiles.cert}`],
    ...['--tls-key', `${identityFolder}/${identityFiles.key}`],
    ...['--client-ca', `${identityFolder}/${identityFiles.clientCa}`],
  ];
}
