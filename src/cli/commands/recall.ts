import { Command } from 'commander';
import { inParallel } from '../../../controllers/parallel.ts';
import { SERVICE_DEPLOYMENTS, type ServiceDeployment } from '../../api/kinds.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { addClusterOptions, type ClusterOptions, withClient } from '../cluster.ts';
import { explainError } from '../errors.ts';
import { changeSpec } from '../label-access.ts';
import { option, parseInteger } from '../options.ts';
import { isCarriedOut, type RecallRequest, recallChange } from '../recalls/change.ts';
import { Screen } from '../recalls/screen.ts';
import { recallTable } from '../recalls/table.ts';
import { interruption } from '../steps.ts';

type Options = ClusterOptions & {
  readonly selector?: string;
  readonly service?: readonly string[];
  readonly save?: boolean;
  readonly wait: boolean;
  readonly timeout: number;
};

const POLL_MS = 500;
/** Requests at once. */
const WIDTH = 8;

/** `coppice recall`: the services stop and their VMs go. */
export function recallCommand(): Command {
  const command = new Command('recall')
    .description(
      'recall tasks: their services stop, and their VMs are removed; with --save, each VM leaves an image from which it starts again',
    )
    .option(
      '--save',
      "keep each VM's disk as an image; a VM is removed once that is whole (default: spec.recall.save)",
    )
    .option('--no-save', 'remove the disks with the VMs')
    .addHelpText(
      'after',
      '\nExample:\n  coppice recall shop --save --wait\n  coppice recall -l team=a --save\n  coppice recall shop --service web',
    );
  return withTasks(command, 'Recalled');
}

/** `coppice redeploy`: what was recalled runs again. */
export function redeployCommand(): Command {
  const command = new Command('redeploy')
    .description(
      'run tasks again that were recalled, or are being: each VM starts from its image, if it left one',
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice redeploy shop --wait\n  coppice redeploy shop --service web',
    );
  return withTasks(command, 'Deployed');
}

function withTasks(command: Command, state: RecallRequest['state']): Command {
  command
    .argument('[task...]', 'names of ServiceDeployments')
    .option('-l, --selector <selector>', 'the tasks with these Kubernetes labels, such as team=a')
    .option('--service <name...>', 'only these services of the tasks')
    .option('--wait', 'wait until it is done, and show how far it is', false)
    .addOption(
      option(
        '--timeout <seconds>',
        'with --wait: give up after this time',
        'COPPICE_RECALL_TIMEOUT',
        1800,
      ).argParser(parseInteger(1, 86_400)),
    )
    .action(async (names: readonly string[], options: Options) => {
      if ((names.length === 0) === (options.selector === undefined))
        command.error('error: name tasks, or select them by -l, and not both');
      const { service: services = [], save } = options;
      await withClient(options, (client, namespace) =>
        run(client, { namespace, names, selector: options.selector }, { state, services, save }, options),
      );
    });
  return addClusterOptions(command);
}

interface Chosen {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly selector: string | undefined;
}

async function run(
  client: KubeClient,
  chosen: Chosen,
  request: RecallRequest,
  options: Options,
): Promise<void> {
  const tasks = await tasksOf(client, chosen);
  // Before any is changed.
  for (const task of tasks) recallChange(task, request);
  const changed: string[] = [];
  await inParallel(tasks, WIDTH, async (task) => {
    const { name } = task.metadata;
    try {
      await changeSpec(client, SERVICE_DEPLOYMENTS, task, (now) => ({ ...recallChange(now, request) }));
      changed.push(name);
    } catch (error) {
      console.error(`error: task ${name}: ${explainError(error)}`);
      process.exitCode = 1;
    }
  });
  if (options.wait) await follow(client, chosen.namespace, changed.sort(), request, options.timeout);
  else
    for (const task of tasks) if (changed.includes(task.metadata.name)) console.log(sentence(task, request));
}

function sentence({ metadata, spec }: ServiceDeployment, { state, services, save }: RecallRequest): string {
  const what = `task ${metadata.name}${services.length === 0 ? '' : `, services ${services.join(', ')}`}`;
  if (state === 'Deployed') return `${what}: runs again as soon as its VMs are there.`;
  return (save ?? spec.recall.save)
    ? `${what}: is being recalled; each VM is removed once its image is kept.`
    : `${what}: is being recalled; its VMs are removed with their disks.`;
}

async function tasksOf(
  client: KubeClient,
  { namespace, names, selector }: Chosen,
): Promise<ServiceDeployment[]> {
  if (selector !== undefined) {
    const { items } = await client.list(SERVICE_DEPLOYMENTS, { namespace, labelSelector: selector });
    if (items.length === 0) throw new Error(`no task in namespace ${namespace} has the labels ${selector}`);
    return items;
  }
  return await Promise.all([...new Set(names)].map((name) => find(client, namespace, name)));
}

async function find(client: KubeClient, namespace: string, name: string): Promise<ServiceDeployment> {
  try {
    return await client.get(SERVICE_DEPLOYMENTS, { namespace, name });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Error(`there is no task ${name} in namespace ${namespace}: kubectl get sd shows what there is`);
  }
}

/** Shows the table whenever it changes: on a terminal in place of the one before. */
async function follow(
  client: KubeClient,
  namespace: string,
  names: readonly string[],
  request: RecallRequest,
  timeoutSeconds: number,
): Promise<void> {
  const signal = interruption(console.error, 'Interrupted. The operator goes on with it.');
  const deadline = deadlineIn(systemClock, timeoutSeconds * 1000);
  const screen = new Screen(process.stdout);
  for (;;) {
    const { items } = await client.list(SERVICE_DEPLOYMENTS, { namespace, signal });
    const tasks = items.filter(({ metadata }) => names.includes(metadata.name));
    const left = tasks.filter((task) => !isCarriedOut(task, request));
    // Where there is no room for all, those that are not done are what people look for.
    screen.show(recallTable([...left, ...tasks.filter((task) => !left.includes(task))]));
    if (left.length === 0) return;
    if (isOver(systemClock, deadline)) {
      const some = left.map(({ metadata }) => metadata.name).join(', ');
      throw new Error(
        `not done after ${timeoutSeconds} s: ${some}; the operator goes on, and kubectl describe sd says what is in the way`,
      );
    }
    await sleep(systemClock, POLL_MS, signal);
  }
}
