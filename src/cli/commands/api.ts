import { Command } from 'commander';
import { option, parseListen, withConfigFile } from '../options.ts';
import { runUntilSignal } from '../run.ts';

type ApiOptions = {
  readonly listen: { host: string; port: number };
  readonly storage: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly clientCa: string;
  readonly tokenAuthFile?: string;
  readonly logLevel: string;
};

/** `coppice api`: the embedded API server alone. */
export function apiCommand(): Command {
  const command = new Command('api')
    .description('run only the embedded Kubernetes API server (`coppice up` does so by itself)')
    .addOption(
      option('--listen <address:port>', 'address and port to listen on', 'COPPICE_API_LISTEN')
        .argParser(parseListen)
        .default(parseListen('127.0.0.1:7443'), '127.0.0.1:7443'),
    )
    .addOption(
      option(
        '--storage <file>',
        'SQLite database with all objects; created if it does not exist',
        'COPPICE_API_STORAGE',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--tls-cert <file>',
        "the server's certificate, PEM",
        'COPPICE_API_TLS_CERT',
      ).makeOptionMandatory(),
    )
    .addOption(
      option('--tls-key <file>', "the server's key, PEM", 'COPPICE_API_TLS_KEY').makeOptionMandatory(),
    )
    .addOption(
      option(
        '--client-ca <file>',
        'CA of the accepted client certificates, PEM',
        'COPPICE_API_CLIENT_CA',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--token-auth-file <file>',
        'accepted bearer tokens, one a line: token,user,uid,"group1,group2"',
        'COPPICE_API_TOKEN_AUTH_FILE',
      ),
    )
    .addOption(
      option('--log-level <level>', 'trace, debug, info, warn or error', 'COPPICE_LOG_LEVEL', 'info'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice api --storage objects.sqlite --tls-cert server.crt --tls-key server.key --client-ca ca.crt',
    )
    .action((options: ApiOptions) => runApiCommand(options));
  return withConfigFile(command);
}

async function runApiCommand(options: ApiOptions): Promise<void> {
  const { createLog } = await import('../../main/log.ts');
  const log = createLog('api', options.logLevel);
  const { runApi } = await import('../../main/embedded.ts');
  const { serveWithTlsFiles } = await import('../../main/tls-files.ts');
  const { listen, storage: storagePath, tokenAuthFile: tokenFile } = options;
  const paths = { cert: options.tlsCert, key: options.tlsKey, clientCa: options.clientCa };
  await runUntilSignal(log, () =>
    serveWithTlsFiles(paths, (tls) => runApi({ listen, storagePath, tokenFile, tls, log }), log),
  );
}
