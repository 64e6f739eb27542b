import { Command } from 'commander';
import type { Extension } from '../../apiserver/extension/pass-on.ts';
import { shownUrl } from '../../base/shown-url.ts';
import { option, parseListen, withConfigFile } from '../options.ts';
import { runUntilSignal } from '../run.ts';

type ApiOptions = {
  readonly listen: { host: string; port: number };
  readonly storage: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly clientCa: string;
  readonly tokenAuthFile?: string;
  readonly streamsUrl?: string;
  readonly streamsCa?: string;
  readonly streamsCert?: string;
  readonly streamsKey?: string;
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
      option(
        '--streams-url <url>',
        'https://ADDRESS:PORT of the operator (its --streams-listen), which serves consoles, programs and logs behind this server; needs the next three',
        'COPPICE_API_STREAMS_URL',
      ),
    )
    .addOption(
      option(
        '--streams-ca <file>',
        'CA of its certificate, and of the next one, PEM',
        'COPPICE_API_STREAMS_CA',
      ),
    )
    .addOption(
      option(
        '--streams-cert <file>',
        'certificate front-proxy, with which this server names users to it, PEM',
        'COPPICE_API_STREAMS_CERT',
      ),
    )
    .addOption(option('--streams-key <file>', "that certificate's key, PEM", 'COPPICE_API_STREAMS_KEY'))
    .addOption(
      option('--log-level <level>', 'trace, debug, info, warn or error', 'COPPICE_LOG_LEVEL', 'info'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice api --storage objects.sqlite --tls-cert server.crt --tls-key server.key --client-ca ca.crt',
    )
    .action((options: ApiOptions) => runApiCommand(command, options));
  return withConfigFile(command);
}

async function runApiCommand(command: Command, options: ApiOptions): Promise<void> {
  const extension = extensionOf(command, options);
  const { createLog } = await import('../../main/log.ts');
  const log = createLog('api', options.logLevel);
  const { runApi } = await import('../../main/embedded.ts');
  const { serveWithTlsFiles } = await import('../../main/tls-files.ts');
  const { listen, storage: storagePath, tokenAuthFile: tokenFile } = options;
  const paths = { cert: options.tlsCert, key: options.tlsKey, clientCa: options.clientCa };
  await runUntilSignal(log, () =>
    serveWithTlsFiles(paths, (tls) => runApi({ listen, storagePath, tokenFile, extension, tls, log }), log),
  );
}

function extensionOf(
  command: Command,
  { streamsUrl: url, streamsCa: ca, streamsCert: cert, streamsKey: key }: ApiOptions,
): Extension | undefined {
  if ([url, ca, cert, key].every((value) => value === undefined)) return undefined;
  if (url === undefined || ca === undefined || cert === undefined || key === undefined) {
    return command.error(
      'error: give all of --streams-url, --streams-ca, --streams-cert and --streams-key, or none',
    );
  }
  if (!/^https:\/\/[^\s/?#@]+$/.test(url)) {
    return command.error(`error: --streams-url must be https://ADDRESS:PORT, not '${shownUrl(url)}'`);
  }
  return {
    url,
    tls: async () => {
      const { readTexts } = await import('../../main/followed-files.ts');
      return await readTexts({ ca, cert, key });
    },
  };
}
