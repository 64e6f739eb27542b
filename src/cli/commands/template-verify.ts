import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { TEMPLATES, type Template } from '../../api/kinds.ts';
import { ANNOTATION_VERIFY } from '../../api/labels.ts';
import { instant, sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { addClusterOptions, type Cluster, type ClusterOptions, withCluster } from '../cluster.ts';
import { option, parseInteger } from '../options.ts';
import { interruption } from '../steps.ts';

type VerifyOptions = ClusterOptions & { readonly timeout: number };
type Verification = NonNullable<NonNullable<Template['status']>['verification']>;

const POLL_MS = 500;

/** `coppice template verify NAME`: hosts read the template's layers again. */
export function verifyTemplateCommand(): Command {
  const command = new Command('verify')
    .description(
      'have all hosts that have a template read its layers again, and say whether each still has the content that its name stands for',
    )
    .argument('<template>', 'its name')
    .addOption(
      option('--timeout <seconds>', 'wait so long for the hosts', 'COPPICE_VERIFY_TIMEOUT', 3600).argParser(
        parseInteger(1, 86_400),
      ),
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice template verify debian\n\nThe exit code is 1 when a copy is damaged, or could not be read. ' +
        'Hosts start no new VM on a damaged one.',
    )
    .action(verify);
  return addClusterOptions(command);
}

async function verify(name: string, { timeout, ...options }: VerifyOptions): Promise<void> {
  const signal = interruption(console.error, 'Interrupted: hosts that have begun go on.');
  await withCluster(options, async (cluster) => {
    const template = { name, namespace: cluster.namespace };
    const request = `${instant(systemClock.now())}-${randomBytes(3).toString('hex')}`;
    await cluster.client.patch(
      TEMPLATES,
      template,
      { metadata: { annotations: { [ANNOTATION_VERIFY]: request } } },
      { signal },
    );
    report(name, await untilDone(cluster, name, request, timeout, signal));
  });
}

async function untilDone(
  { client, namespace }: Cluster,
  name: string,
  request: string,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<Verification> {
  const deadline = deadlineIn(systemClock, timeoutSeconds * 1000);
  for (let told = ''; ; ) {
    const { status } = await client.get(TEMPLATES, { name, namespace }, { signal });
    const { verification } = status ?? {};
    const isOfThis = verification?.requested === request;
    if (isOfThis && verification.running === 0) return verification;
    const now = isOfThis ? `${verification.running} copies are being read` : 'the hosts are asked';
    if (now !== told) console.error(now);
    told = now;
    if (isOver(systemClock, deadline)) throw new Error(`it is not done after ${timeoutSeconds} s: ${now}`);
    await sleep(systemClock, POLL_MS, signal);
  }
}

function report(name: string, { sound, damaged, failed, problems = [] }: Verification): void {
  for (const { host, layer, message } of problems) console.log(`host ${host}, layer ${layer}: ${message}`);
  if (damaged + failed > 0)
    throw new Error(
      `template ${name}: ${damaged} copies of its layers are damaged, ${failed} could not be read, ${sound} are sound`,
    );
  if (sound === 0) throw new Error(`no host that answers has template ${name}: there is nothing to verify`);
  console.log(`Template ${name}: all ${sound} copies of its layers are sound.`);
}
