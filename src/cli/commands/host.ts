import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { type AnyClusterOptions, addAnyClusterOptions, withAnyCluster } from '../cluster.ts';
import { option, parseInteger } from '../options.ts';

type AddOptions = AnyClusterOptions & {
  readonly address: string;
  readonly operator: string;
  readonly authoritySecret: string;
  readonly minutes: number;
};

/** `coppice host`: hosts outside the cluster join it. */
export function hostCommand(): Command {
  return new Command('host')
    .description('let a host join whose daemon does not run as a pod')
    .addHelpText('after', '\nExample:\n  coppice host add --help\n  coppice host join --help')
    .addCommand(addCommand())
    .addCommand(joinCommand());
}

function addCommand(): Command {
  const command = new Command('add')
    .description('write what a host needs to join: a secret, good for one name and a short time')
    .argument('<name>', "the Host's name")
    .addOption(
      option(
        '--address <url>',
        'where the operator will reach its daemon, such as https://10.0.0.5:7444',
        'COPPICE_HOST_ADDRESS',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--operator <url>',
        "where the host reaches the operator's Service, such as https://10.0.0.1:30443",
        'COPPICE_OPERATOR_URL',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--authority-secret <name>',
        "the chart's value hosts.authoritySecret",
        'COPPICE_AUTHORITY_SECRET',
        'coppice-hosts',
      ),
    )
    .addOption(
      option('--minutes <number>', 'how long it is good', 'COPPICE_HOST_MINUTES', 60).argParser(
        parseInteger(10, 1440),
      ),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice host add host-a -n coppice-system --address https://10.0.0.5:7444 --operator https://10.0.0.1:30443 > host-a.join',
    )
    .action(async (name: string, options: AddOptions) => {
      const { invite } = await import('../../main/enrolment/invitation.ts');
      const invitation = await withAnyCluster(options, (client) => invite(client, { name, ...options }));
      console.log(JSON.stringify(invitation, undefined, 2));
    });
  return addAnyClusterOptions(command);
}

function joinCommand(): Command {
  return new Command('join')
    .description('get the certificate of this host; its daemon renews it from then on')
    .argument('<file>', 'what `coppice host add` wrote; - for standard input')
    .addOption(
      option(
        '--state-dir <folder>',
        "that of the daemon: the certificate's place",
        'COPPICE_HOST_STATE_DIR',
        '/var/lib/coppice',
      ),
    )
    .addHelpText('after', '\nExample:\n  coppice host join host-a.join && coppice hostd')
    .action(async (file: string, { stateDir }: { stateDir: string }) => {
      const { accept } = await import('../../main/enrolment/invitation.ts');
      const host = await accept(
        file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'),
        stateDir,
      );
      console.log(`Joined as ${host}. Next: coppice hostd --state-dir ${stateDir}`);
    });
}
