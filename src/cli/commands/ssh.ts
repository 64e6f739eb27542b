import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { ObjectMeta } from '../../base/object.ts';
import { shellWord } from '../../base/shell.ts';
import { addClusterOptions, type ClusterOptions, withClient } from '../cluster.ts';
import { parseInteger } from '../options.ts';
import { ONE_TARGET_HELP, oneAppliance, parseTarget, type Target } from '../targets.ts';

type SshOptions = ClusterOptions & {
  readonly login: string;
  readonly identity?: string;
  readonly port: number;
  readonly printConfig: boolean;
};

/** $1 port. Connects its own input and output with it, by whatever the guest has. One line, as the settings of ssh are. */
const CONNECT = [
  'if command -v nc >/dev/null 2>&1; then exec nc 127.0.0.1 "$1"; fi',
  'if /bin/busybox nc --help >/dev/null 2>&1; then exec /bin/busybox nc 127.0.0.1 "$1"; fi',
  `if command -v bash >/dev/null 2>&1; then exec bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" || exit 1; { cat <&4 >&3 & } 4<&0; exec cat <&3' "$1"; fi`,
  'echo "the guest has neither nc nor bash, by which its SSH server could be reached" >&2',
  'exit 127',
].join('; ');

/** `coppice ssh NAME`: ssh to a guest, through the agent in it. */
export function sshCommand(cliMain: string): Command {
  const command = new Command('ssh')
    .description("connect with this machine's ssh to the SSH server in an appliance's guest")
    .argument('<appliance>', ONE_TARGET_HELP, parseTarget)
    .argument('[command...]', 'after --: a command to run in the guest instead of a login')
    .option('-l, --login <user>', 'user in the guest', 'root')
    .option('-i, --identity <file>', 'private key')
    .option('-p, --port <number>', "the SSH server's port in the guest", parseInteger(1, 65_535), 22)
    .option('--print-config', 'print a paragraph for ~/.ssh/config instead, for scp, rsync and ssh -L', false)
    .addHelpText(
      'after',
      '\nExample:\n  coppice ssh hello-web-0\n  coppice ssh -l debian -i ~/.ssh/id_ed25519 sd/hello -- uptime\n  coppice ssh hello-web-0 --print-config >>~/.ssh/config' +
        "\n\nThe connection is made in the guest, and passed on by its agent: the guest needs an SSH server, but no network of its own.\nIt needs the rights of `coppice exec`. Each guest's host key is kept under the UUID of its VM.",
    )
    .action((target: Target, words: readonly string[], options: SshOptions) =>
      connect(cliMain, target, words, options),
    );
  return addClusterOptions(command);
}

async function connect(
  cliMain: string,
  target: Target,
  words: readonly string[],
  options: SshOptions,
): Promise<void> {
  const { metadata } = await withClient(options, (client, namespace) =>
    oneAppliance(client, namespace, target, console.error),
  );
  const settings = settingsFor(cliMain, metadata, options);
  if (options.printConfig) {
    console.log([`Host ${metadata.name}`, ...settings.map(([key, value]) => `  ${key} ${value}`)].join('\n'));
    return;
  }
  const flags = settings.flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  process.exitCode = await runSsh([...flags, '--', metadata.name, ...words]);
}

/** What ssh must know of the guest, as it is written in its configuration. */
function settingsFor(
  cliMain: string,
  { name, namespace = '', uid }: ObjectMeta,
  { kubeconfig, login, identity, port }: SshOptions,
): readonly (readonly [string, string])[] {
  const cluster = ['--kubeconfig', resolve(kubeconfig), '--namespace', namespace];
  const script = ['/bin/sh', '-c', CONNECT, 'coppice', String(port)];
  const proxy = [process.execPath, cliMain, 'exec', ...cluster, '--stdin', name, '--', ...script];
  return [
    // ssh gives the command to a shell, and expands its own signs in it.
    ['ProxyCommand', proxy.map((word) => shellWord(word).replaceAll('%', '%%')).join(' ')],
    // The name does not say which machine it is: another task may have it tomorrow.
    ['HostKeyAlias', `coppice-${uid}`],
    ['StrictHostKeyChecking', 'accept-new'],
    ['User', login],
    ...(identity === undefined ? [] : [['IdentityFile', resolve(identity)] as const]),
  ];
}

async function runSsh(args: readonly string[]): Promise<number> {
  const child = spawn('ssh', args, { stdio: 'inherit' });
  return await new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`ssh cannot be run here: ${error.message}`)));
    child.once('close', (code, signal) => resolve(signal === null ? (code ?? 1) : 255));
  });
}
