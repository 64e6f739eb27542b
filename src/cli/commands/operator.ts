import { Command } from 'commander';
import type { OperatorConfig } from '../../main/operator.ts';
import { option, parseListen, parseObjectName, withConfigFile } from '../options.ts';
import { runUntilSignal } from '../run.ts';

type OperatorOptions = {
  readonly kubeconfig?: string;
  readonly hostCa?: string;
  readonly hostCert?: string;
  readonly hostKey?: string;
  readonly hostCaSecret?: { namespace: string; name: string };
  readonly joinListen?: { host: string; port: number };
  readonly joinAccount: string;
  readonly streamsListen?: { host: string; port: number };
  readonly streamsCert?: string;
  readonly streamsKey?: string;
  readonly streamsService?: string;
  readonly leaderElect: boolean;
  readonly leaseNamespace: string;
  readonly metricsListen?: { host: string; port: number };
  readonly logLevel: string;
};

/** `coppice operator`: runs the controllers against any Kubernetes API. */
export function operatorCommand(): Command {
  const command = new Command('operator')
    .description("run Coppice's controllers against a Kubernetes API")
    .addOption(
      option(
        '--kubeconfig <file>',
        "how to reach the API (default: the pod's service account, else ~/.kube/config)",
        'KUBECONFIG',
      ),
    )
    .addOption(option('--host-ca <file>', "CA of the host daemons' certificates, PEM", 'COPPICE_HOST_CA'))
    .addOption(
      option('--host-cert <file>', 'client certificate for calls to the daemons, PEM', 'COPPICE_HOST_CERT'),
    )
    .addOption(option('--host-key <file>', "the client certificate's key, PEM", 'COPPICE_HOST_KEY'))
    .addOption(
      option(
        '--host-ca-secret <namespace/name>',
        "instead of these three: Secret with the CA of the daemons' certificates; created if it does not exist",
        'COPPICE_HOST_CA_SECRET',
      ).argParser(parseObjectName),
    )
    .addOption(
      option(
        '--join-listen <address:port>',
        'let hosts join at this address and port; needs --host-ca-secret',
        'COPPICE_JOIN_LISTEN',
      ).argParser(parseListen),
    )
    .addOption(
      option(
        '--join-account <name>',
        "service account of the hosts' DaemonSet, in the Secret's namespace",
        'COPPICE_JOIN_ACCOUNT',
        'coppice-host',
      ),
    )
    .addOption(
      option(
        '--streams-listen <address:port>',
        'serve consoles, programs and logs of appliances at this address and port, for API servers to pass requests on to',
        'COPPICE_STREAMS_LISTEN',
      ).argParser(parseListen),
    )
    .addOption(option('--streams-cert <file>', 'its certificate, PEM', 'COPPICE_STREAMS_CERT'))
    .addOption(option('--streams-key <file>', "the certificate's key, PEM", 'COPPICE_STREAMS_KEY'))
    .addOption(
      option(
        '--streams-service <name>',
        'instead of these two, with --host-ca-secret: DNS name for a certificate by that CA, which the operator enters in the APIService',
        'COPPICE_STREAMS_SERVICE',
      ),
    )
    .addOption(
      option(
        '--leader-elect',
        'for several replicas: act only while holding the Lease',
        'COPPICE_LEADER_ELECT',
        false,
      ),
    )
    .addOption(
      option('--lease-namespace <name>', 'namespace of the Lease', 'COPPICE_LEASE_NAMESPACE', 'kube-system'),
    )
    .addOption(
      option(
        '--metrics-listen <address:port>',
        'serve /healthz, /readyz and /metrics at this address and port (default: not served)',
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
    .action((options: OperatorOptions) => runOperatorCommand(command, options));
  return withConfigFile(command);
}

async function runOperatorCommand(command: Command, options: OperatorOptions): Promise<void> {
  const paths = { ...pathsFrom(command, options), ...streamsPathsFrom(command, options) };
  const { joinListen: listen, joinAccount: daemonSetAccount } = options;
  const { createLog } = await import('../../main/log.ts');
  const log = createLog('operator', options.logLevel);
  const { loadKubeConfig } = await import('../../main/kube-config.ts');
  const { runOperator } = await import('../../main/operator.ts');
  const { runWithFiles } = await import('../../main/followed-files.ts');
  const { requireUsableTls } = await import('../../main/tls-files.ts');
  await runUntilSignal(log, (signal) => {
    const prepare = (texts: Readonly<Record<string, string>>) => {
      const { ca = '', cert = '', key = '', streamsCert = '', streamsKey = '' } = texts;
      const { hostCaSecret: secret } = options;
      if (secret === undefined) requireUsableTls(cert, key, ca);
      const { streamsListen, streamsService: serviceName } = options;
      if (serviceName === undefined && streamsListen !== undefined) {
        requireUsableTls(streamsCert, streamsKey, streamsCert);
      }
      const identity = serviceName === undefined ? { cert: streamsCert, key: streamsKey } : { serviceName };
      const config: OperatorConfig = {
        kubeConfig: loadKubeConfig(options.kubeconfig),
        hostTls: secret === undefined ? { ca, cert, key } : { secret },
        ...(listen === undefined ? {} : { enrolment: { listen, daemonSetAccount } }),
        ...(streamsListen === undefined ? {} : { streams: { listen: streamsListen, identity } }),
        ...(options.leaderElect ? { leaderElection: { namespace: options.leaseNamespace } } : {}),
        ...(options.metricsListen ? { metricsListen: options.metricsListen } : {}),
        log,
        signal,
      };
      return () => runOperator(config);
    };
    return runWithFiles(paths, prepare, log);
  });
}

/** The files that the operator follows. */
function pathsFrom(
  command: Command,
  { kubeconfig, hostCa: ca, hostCert: cert, hostKey: key, hostCaSecret }: OperatorOptions,
): Readonly<Record<string, string>> {
  const own: Readonly<Record<string, string>> = kubeconfig === undefined ? {} : { kubeconfig };
  const files = [ca, cert, key];
  if (hostCaSecret !== undefined && files.every((file) => file === undefined)) return own;
  if (hostCaSecret !== undefined || ca === undefined || cert === undefined || key === undefined) {
    return command.error('error: give either --host-ca-secret, or --host-ca, --host-cert and --host-key');
  }
  return { ...own, ca, cert, key };
}

function streamsPathsFrom(
  command: Command,
  { streamsListen, streamsCert, streamsKey, streamsService, hostCaSecret }: OperatorOptions,
): Readonly<Record<string, string>> {
  if (streamsListen === undefined) return {};
  if (streamsService !== undefined && hostCaSecret !== undefined) return {};
  if (streamsService !== undefined || streamsCert === undefined || streamsKey === undefined) {
    return command.error(
      'error: --streams-listen needs --streams-cert and --streams-key, or --streams-service and --host-ca-secret',
    );
  }
  return { streamsCert, streamsKey };
}
