import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { type AnyClusterOptions, addAnyClusterOptions, withAnyCluster } from '../cluster.ts';
import { option, parseInteger } from '../options.ts';
import { describeHostCommand } from './host-describe.ts';
import { forgetCommand } from './host-forget.ts';

type AddOptions = AnyClusterOptions & {
  readonly address: string;
  readonly operator: string;
  readonly authoritySecret: string;
  readonly minutes: number;
};

/** `coppice host`: lets hosts outside the cluster join it, shows one, and deletes what it has and nobody claims. */
export function hostCommand(): Command {
  return new Command('host')
    .description(
      'add hosts outside the cluster, whose daemons do not run as pods; show a host; delete what it has and nobody claims',
    )
    .addHelpText('after', '\nExample:\n  coppice host describe host-a\n  coppice host add --help')
    .addCommand(addCommand())
    .addCommand(joinCommand())
    .addCommand(describeHostCommand())
    .addCommand(forgetCommand());
}

function addCommand(): Command {
  const command = new Command('add')
    .description('print an invitation with which one host can join for a limited time; keep it secret')
    .argument('<name>', 'name of the Host object')
    .addOption(
      option(
        '--address <url>',
        "URL of the host's daemon, as the operator reaches it, such as https://10.0.0.5:7444",
        'COPPICE_HOST_ADDRESS',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--operator <url>',
        "URL of the operator's Service, as the host reaches it, such as https://10.0.0.1:30443",
        'COPPICE_OPERATOR_URL',
      ).makeOptionMandatory(),
    )
    .addOption(
      option(
        '--authority-secret <name>',
        "Secret with the hosts' CA: the chart's value hosts.authoritySecret",
        'COPPICE_AUTHORITY_SECRET',
        'coppice-hosts',
      ),
    )
    .addOption(
      option('--minutes <number>', 'how long the invitation is valid', 'COPPICE_HOST_MINUTES', 60).argParser(
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
    .description(
      "join the cluster with an invitation: get this host's certificate, which its daemon renews later",
    )
    .argument('<file>', 'the invitation that `coppice host add` printed; - for standard input')
    .addOption(
      option(
        '--state-dir <folder>',
        'state directory of the daemon, where the certificate is stored',
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
