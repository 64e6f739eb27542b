import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { createLog } from '../../main/log.ts';
import { option, parseListen, withConfigFile } from '../options.ts';
import { runUntilSignal } from '../run.ts';

type OperatorOptions = {
  readonly kubeconfig?: string;
  readonly hostCa: string;
  readonly hostCert: string;
  readonly hostKey: string;
  readonly leaderElect: boolean;
  readonly leaseNamespace: string;
  readonly metricsListen?: { host: string; port: number };
  readonly logLevel: string;
};

/** `coppice operator`: the controllers alone, against any Kubernetes API. */
export function operatorCommand(): Command {
  const command = new Command('operator')
    .description('run the controllers against a Kubernetes API')
    .addOption(
      option(
        '--kubeconfig <file>',
        "how to reach the API; without it, the pod's service account or ~/.kube/config",
        'KUBECONFIG',
      ),
    )
    .addOption(
      option(
        '--host-ca <file>',
        "CA of the host daemons' certificates, PEM",
        'COPPICE_HOST_CA',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--host-cert <file>',
        'client certificate for the daemons, PEM',
        'COPPICE_HOST_CERT',
      ).makeOptionMandatory(),
    )
    .addOption(option('--host-key <file>', 'its key, PEM', 'COPPICE_HOST_KEY').makeOptionMandatory())
    .addOption(
      option(
        '--leader-elect',
        'act only while holding the Lease, for several replicas',
        'COPPICE_LEADER_ELECT',
        false,
      ),
    )
    .addOption(
      option('--lease-namespace <name>', 'where the Lease is', 'COPPICE_LEASE_NAMESPACE', 'kube-system'),
    )
    .addOption(
      option(
        '--metrics-listen <address:port>',
        'serve /healthz, /readyz and /metrics here',
        'COPPICE_METRICS_LISTEN',
      ).argParser(parseListen),
    )
    .addOption(
      option('--log-level <level>', 'trace, debug, info, warn or error', 'COPPICE_LOG_LEVEL', 'info'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice operator --kubeconfig ~/.kube/config --host-ca ca.crt --host-cert operator.crt --host-key operator.key',
    )
    .action((options: OperatorOptions) => runOperatorCommand(options));
  return withConfigFile(command);
}

async function runOperatorCommand(options: OperatorOptions): Promise<void> {
  const log = createLog('operator', options.logLevel);
  const { loadKubeConfig, runOperator } = await import('../../main/operator.ts');
  await runUntilSignal(log, async (signal) =>
    runOperator({
      kubeConfig: loadKubeConfig(options.kubeconfig),
      hostTls: {
        ca: await readFile(options.hostCa, 'utf8'),
        cert: await readFile(options.hostCert, 'utf8'),
        key: await readFile(options.hostKey, 'utf8'),
      },
      ...(options.leaderElect ? { leaderElection: { namespace: options.leaseNamespace } } : {}),
      ...(options.metricsListen ? { metricsListen: options.metricsListen } : {}),
      log,
      signal,
    }),
  );
}
