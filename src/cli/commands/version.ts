import { Command, Option } from 'commander';
import packageJson from '../../../package.json' with { type: 'json' };
import { isRecord } from '../../base/json.ts';
import { addServerOptions, type ServerOptions, withClient } from '../cluster.ts';
import { explainError } from '../errors.ts';

type VersionOptions = ServerOptions & { readonly client: boolean; readonly output?: 'json' };

/** The versions of this program and, where one answers, of the API server; otherwise why none does. */
export type Versions = {
  readonly clientVersion: { readonly version: string; readonly nodeVersion: string };
  readonly serverVersion?: Readonly<Record<string, unknown>>;
  readonly serverError?: string;
};

const TIMEOUT_MS = 5000;

/** `coppice version`: of this program, and of the API server that its commands read from. */
export function versionCommand(): Command {
  const command = new Command('version')
    .description('show the version of this program and, where one answers, of the API server')
    .option('--client', 'only the version of this program; no server is asked', false)
    .addOption(new Option('-o, --output <format>', 'json, for programs').choices(['json']))
    .addHelpText('after', '\nExample:\n  coppice version\n  coppice version --client -o json')
    .action(async (options: VersionOptions) => {
      console.log(formatVersions(await findVersions(options), options.output));
    });
  return addServerOptions(command);
}

async function findVersions(options: VersionOptions): Promise<Versions> {
  const clientVersion = { version: packageJson.version, nodeVersion: process.version };
  if (options.client) return { clientVersion };
  try {
    const answer = await withClient(options, (client) =>
      client.getRaw('/version', { timeoutMs: TIMEOUT_MS }),
    );
    if (!isRecord(answer)) throw new Error('the answer of the server to /version is no JSON object');
    return { clientVersion, serverVersion: answer };
  } catch (error) {
    return { clientVersion, serverError: explainError(error) };
  }
}

/** As two lines for people, or as JSON with the server's whole answer. */
export function formatVersions(versions: Versions, output: 'json' | undefined): string {
  if (output === 'json') return JSON.stringify(versions, undefined, 2);
  const { clientVersion, serverVersion, serverError } = versions;
  const lines = [`Client: ${clientVersion.version} (Node ${clientVersion.nodeVersion})`];
  if (serverVersion !== undefined) lines.push(`Server: ${serverVersion.gitVersion}`);
  if (serverError !== undefined) lines.push(`Server: unknown: ${serverError}`);
  return lines.join('\n');
}
