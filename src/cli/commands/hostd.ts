import { resolve } from 'node:path';
import { Command } from 'commander';
import { type DriverName, driverNames } from '../../api/drivers.ts';
import { parseBytes, parseCpu } from '../../domain/quantity.ts';
import type { JoinSource } from '../../main/enrolment/keeper.ts';
import type { ServerTls } from '../../main/tls-files.ts';
import {
  driverOption,
  option,
  parseInteger,
  parseInterfaceName,
  parseListen,
  withConfigFile,
} from '../options.ts';
import { runUntilSignal } from '../run.ts';

type HostdOptions = {
  readonly name?: string;
  readonly listen: { host: string; port: number };
  readonly stateDir: string;
  readonly driver: DriverName;
  readonly bridge?: string;
  readonly cpu?: number;
  readonly memory?: number;
  readonly fileRoot?: readonly string[] | string;
  readonly sharedDirectory?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly joinUrl?: string;
  readonly joinCa?: string;
  readonly joinToken?: string;
  readonly joinAddress?: string;
  readonly cgroupRoot?: string;
  readonly healthPort?: number;
  readonly stopVms?: boolean;
  readonly logLevel: string;
};

/** `coppice hostd`: runs one host's daemon. */
export function hostdCommand(): Command {
  const command = new Command('hostd')
    .description(
      "run a host's daemon; its VMs keep running when it stops, and it finds them again when it starts",
    )
    .addOption(
      option(
        '--name <name>',
        'name of the Host object; the certificate must contain <name>.host.coppice (default: the name with which the host joined)',
        'COPPICE_HOST_NAME',
      ),
    )
    .addOption(
      option('--listen <address:port>', 'address and port to listen on', 'COPPICE_HOST_LISTEN')
        .argParser(parseListen)
        .default(parseListen('0.0.0.0:7444'), '0.0.0.0:7444'),
    )
    .addOption(
      option(
        '--state-dir <folder>',
        'folder for layers, disks and records of this host',
        'COPPICE_HOST_STATE_DIR',
        '/var/lib/coppice',
      ),
    )
    .addOption(driverOption('COPPICE_HOST_DRIVER', driverNames()).default('qemu'))
    .addOption(
      option(
        '--bridge <name>',
        'Linux bridge for appliances with their own addresses; without it, they are not placed on this host',
        'COPPICE_HOST_BRIDGE',
      ).argParser(parseInterfaceName),
    )
    .addOption(
      option(
        '--cpu <quantity>',
        'CPU to offer, such as 4 or 1500m (default: all of the machine)',
        'COPPICE_HOST_CPU',
      ).argParser(parseCpu),
    )
    .addOption(
      option(
        '--memory <quantity>',
        'memory to offer, such as 8Gi (default: all of the machine)',
        'COPPICE_HOST_MEMORY',
      ).argParser(parseBytes),
    )
    .addOption(
      option(
        '--file-root <folder...>',
        'folders on this host from which file: URLs of images and packages may read; without it, file: URLs are refused',
        'COPPICE_HOST_FILE_ROOT',
      ),
    )
    .addOption(
      option(
        '--shared-directory <folder>',
        'directory that this host shares with others, such as a mount of NFS, for templates of mode Shared (default: none)',
        'COPPICE_HOST_SHARED_DIRECTORY',
      ).argParser((folder) => resolve(folder)),
    )
    .addOption(
      option(
        '--cgroup-root <folder>',
        "in a container: where the host's /sys/fs/cgroup is mounted, so that VMs outlive the container",
        'COPPICE_HOST_CGROUP_ROOT',
      ),
    )
    .addOption(
      option(
        '--health-port <port>',
        'serve /healthz without TLS on this port of 127.0.0.1, for probes (default: not served)',
        'COPPICE_HOST_HEALTH_PORT',
      ).argParser(parseInteger(1, 65_535)),
    )
    .addOption(
      option(
        '--tls-cert <file>',
        "the daemon's certificate, PEM (default: the one that the host got when it joined)",
        'COPPICE_HOST_TLS_CERT',
      ),
    )
    .addOption(option('--tls-key <file>', "the certificate's key, PEM", 'COPPICE_HOST_TLS_KEY'))
    .addOption(
      option('--client-ca <file>', 'CA of the accepted client certificates, PEM', 'COPPICE_HOST_CLIENT_CA'),
    )
    .addOption(
      option(
        '--join-url <url>',
        "join by itself: URL of the operator's --join-listen",
        'COPPICE_HOST_JOIN_URL',
      ),
    )
    .addOption(option('--join-ca <file>', "CA of the operator's certificate, PEM", 'COPPICE_HOST_JOIN_CA'))
    .addOption(
      option(
        '--join-token <file>',
        "file with the token of the pod's service account",
        'COPPICE_HOST_JOIN_TOKEN',
      ),
    )
    .addOption(
      option(
        '--join-address <url>',
        'URL of this daemon, as the operator reaches it',
        'COPPICE_HOST_JOIN_ADDRESS',
      ),
    )
    .addOption(
      option(
        '--stop-vms',
        'shut down every VM of this state directory and exit; stop the daemon first',
        'COPPICE_HOST_STOP_VMS',
      ),
    )
    .addOption(
      option('--log-level <level>', 'trace, debug, info, warn or error', 'COPPICE_LOG_LEVEL', 'info'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice hostd --name host-a --state-dir /var/lib/coppice --tls-cert host-a.crt --tls-key host-a.key --client-ca ca.crt',
    )
    .action((options: HostdOptions) => runHostdCommand(command, options));
  return withConfigFile(command);
}

async function runHostdCommand(command: Command, options: HostdOptions): Promise<void> {
  const credentials = credentialsFrom(command, options);
  const { sharedDirectory, stateDir } = options;
  if (sharedDirectory !== undefined && lieWithinEachOther(sharedDirectory, resolve(stateDir)))
    return command.error(
      `error: --shared-directory (${sharedDirectory}) and --state-dir (${stateDir}) lie within each other, and other hosts could read ` +
        'keys and disks: keep them apart',
    );
  const { createLog } = await import('../../main/log.ts');
  const log = createLog(options.name ?? 'hostd', options.logLevel);
  const { runHostd, stopVms } = await import('../../main/hostd.ts');
  const config = {
    listen: options.listen,
    stateDir: options.stateDir,
    driver: options.driver,
    // The environment gives one folder, not a list.
    fileRoots: [options.fileRoot ?? []].flat().map((root) => resolve(root)),
    sharedDirectory: options.sharedDirectory,
    bridge: options.bridge,
    capacity: { cpuMillis: options.cpu, memoryBytes: options.memory },
    cgroupRoot: options.cgroupRoot,
    healthPort: options.healthPort,
    log,
  };
  if (options.stopVms) return await stopVms(config);
  await runUntilSignal(log, async (signal) => {
    if ('files' in credentials) {
      const { name, files } = credentials;
      const { serveWithTlsFiles } = await import('../../main/tls-files.ts');
      return await serveWithTlsFiles(files, (tls) => runHostd({ ...config, name, tls }), log);
    }
    const { runJoinedHostd } = await import('../../main/joined-hostd.ts');
    return await runJoinedHostd({ ...config, ...credentials }, signal);
  });
}

function lieWithinEachOther(a: string, b: string): boolean {
  return `${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`);
}

type Credentials =
  | { readonly name: string; readonly files: ServerTls }
  | { readonly name: string | undefined; readonly source: JoinSource | undefined };

/** The daemon's certificate: from files, by joining with the --join options, or from `coppice host join` before. */
function credentialsFrom(command: Command, options: HostdOptions): Credentials {
  const { name, tlsCert, tlsKey, clientCa } = options;
  const { joinUrl: server, joinCa: caFile, joinToken: tokenFile, joinAddress: address } = options;
  const join = [server, caFile, tokenFile, address];
  const hasNone = (parts: readonly unknown[]) => parts.every((part) => part === undefined);
  if (hasNone([tlsCert, tlsKey, clientCa])) {
    if (hasNone(join)) return { name, source: undefined };
    if (server !== undefined && caFile !== undefined && tokenFile !== undefined && address !== undefined) {
      return { name, source: { server, caFile, tokenFile, address } };
    }
    return command.error(
      'error: --join-url, --join-ca, --join-token and --join-address must be given together',
    );
  }
  if (!hasNone(join)) {
    return command.error(
      'error: give either the --tls and --client-ca options or the --join options, not both',
    );
  }
  if (name === undefined || tlsCert === undefined || tlsKey === undefined || clientCa === undefined) {
    return command.error('error: --name, --tls-cert, --tls-key and --client-ca must be given together');
  }
  return { name, files: { cert: tlsCert, key: tlsKey, clientCa } };
}
