import { readFile } from 'node:fs/promises';
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
    .description('run the embedded Kubernetes API server')
    .addOption(
      option('--listen <address:port>', 'where to listen', 'COPPICE_API_LISTEN')
        .argParser(parseListen)
        .default(parseListen('127.0.0.1:7443'), '127.0.0.1:7443'),
    )
    .addOption(
      option(
        '--storage <file>',
        'SQLite database of all objects',
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
        'CA of the client certificates that are let in, PEM',
        'COPPICE_API_CLIENT_CA',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--token-auth-file <file>',
        'bearer tokens that are let in, a line each: token,user,uid,"group1,group2"',
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
  await runUntilSignal(log, async () =>
    runApi({
      listen: options.listen,
      storagePath: options.storage,
      tokenFile: options.tokenAuthFile,
      tls: {
        cert: await readFile(options.tlsCert, 'utf8'),
        key: await readFile(options.tlsKey, 'utf8'),
        clientCa: await readFile(options.clientCa, 'utf8'),
      },
      log,
    }),
  );
}
