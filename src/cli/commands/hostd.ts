import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { parseBytes, parseCpu } from '../../domain/quantity.ts';
import { createLog } from '../../main/log.ts';
import { option, parseInterfaceName, parseListen, withConfigFile } from '../options.ts';
import { runUntilSignal } from '../run.ts';

type HostdOptions = {
  readonly name: string;
  readonly listen: { host: string; port: number };
  readonly stateDir: string;
  readonly driver: 'qemu' | 'xen' | 'simulated';
  readonly bridge?: string;
  readonly cpu?: number;
  readonly memory?: number;
  readonly fileRoot?: readonly string[] | string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly clientCa: string;
  readonly stopVms?: boolean;
  readonly logLevel: string;
};

/** `coppice hostd`: one host's daemon alone. */
export function hostdCommand(): Command {
  const command = new Command('hostd')
    .description("run a host's daemon: its VMs live on when it ends, and are adopted when it starts")
    .addOption(
      option(
        '--name <name>',
        "the Host object's name; the certificate must carry <name>.host.coppice",
        'COPPICE_HOST_NAME',
      ).makeOptionMandatory(),
    )
    .addOption(
      option('--listen <address:port>', 'where to listen', 'COPPICE_HOST_LISTEN')
        .argParser(parseListen)
        .default(parseListen('0.0.0.0:7444'), '0.0.0.0:7444'),
    )
    .addOption(
      option(
        '--state-dir <folder>',
        'layers, disks and records of this host',
        'COPPICE_HOST_STATE_DIR',
        '/var/lib/coppice',
      ),
    )
    .addOption(
      option('--driver <name>', 'what runs the VMs', 'COPPICE_HOST_DRIVER', 'qemu').choices([
        'qemu',
        'xen',
        'simulated',
      ]),
    )
    .addOption(
      option(
        '--bridge <name>',
        'Linux bridge for appliances that get addresses of their own; none of those run here when not given',
        'COPPICE_HOST_BRIDGE',
      ).argParser(parseInterfaceName),
    )
    .addOption(
      option(
        '--cpu <quantity>',
        'CPU to offer, such as 4 or 1500m; all of the machine when not given',
        'COPPICE_HOST_CPU',
      ).argParser(parseCpu),
    )
    .addOption(
      option(
        '--memory <quantity>',
        'memory to offer, such as 8Gi; all of the machine when not given',
        'COPPICE_HOST_MEMORY',
      ).argParser(parseBytes),
    )
    .addOption(
      option(
        '--file-root <folder...>',
        'where file: addresses of images and packages may lie on this host; refused anywhere when not given',
        'COPPICE_HOST_FILE_ROOT',
      ),
    )
    .addOption(
      option(
        '--tls-cert <file>',
        "the daemon's certificate, PEM",
        'COPPICE_HOST_TLS_CERT',
      ).makeOptionMandatory(),
    )
    .addOption(option('--tls-key <file>', 'its key, PEM', 'COPPICE_HOST_TLS_KEY').makeOptionMandatory())
    .addOption(
      option(
        '--client-ca <file>',
        'CA of those who may call, PEM',
        'COPPICE_HOST_CLIENT_CA',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--stop-vms',
        'shut down every VM of this state directory and exit; the daemon must not run',
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
    .action((options: HostdOptions) => runHostdCommand(options));
  return withConfigFile(command);
}

async function runHostdCommand(options: HostdOptions): Promise<void> {
  const log = createLog(options.name, options.logLevel);
  const { runHostd, stopVms } = await import('../../main/hostd.ts');
  const config = {
    name: options.name,
    listen: options.listen,
    stateDir: options.stateDir,
    driver: options.driver,
    // One folder, not a list, when it comes from the environment.
    fileRoots: [options.fileRoot ?? []].flat().map((root) => resolve(root)),
    bridge: options.bridge,
    capacity: { cpuMillis: options.cpu, memoryBytes: options.memory },
    tls: {
      cert: await readFile(options.tlsCert, 'utf8'),
      key: await readFile(options.tlsKey, 'utf8'),
      clientCa: await readFile(options.clientCa, 'utf8'),
    },
    log,
  };
  if (options.stopVms) await stopVms(config);
  else await runUntilSignal(log, () => runHostd(config));
}
