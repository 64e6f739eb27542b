import type { IncomingMessage } from 'node:http';
import { finished, pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { CONDITION_READY, CONDITION_STALLED, findCondition } from '../../api/conditions.ts';
import { TEMPLATES, type Template } from '../../api/kinds.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { ApiError } from '../../kube/api-error.ts';
import { addClusterOptions, type Cluster, type ClusterOptions, withCluster } from '../cluster.ts';
import { parseInteger } from '../options.ts';
import { interruption } from '../steps.ts';
import { openBuildLogOf, openLogOf } from '../streams.ts';

type LogsOptions = ClusterOptions & {
  readonly follow: boolean;
  readonly console: boolean;
  readonly bytes: number;
};
/** The log that the user asks for, and how many bytes from its end. */
type Wanted = { readonly source: 'build' | 'console'; readonly bytes: number };

const POLL_MS = 1000;
/** Hosts read as much again each second. */
const LONGEST_FOLLOWED_BYTES = 1_048_576;
/** After the end of a build, its last lines may still be on their way. */
const LAST_LINES_MS = 3000;

/** `coppice template logs NAME`: what the steps of its build print, or printed. */
export function templateLogsCommand(): Command {
  const command = new Command('logs')
    .description(
      'print what the steps of the build of a template print, while it is built and as long as the template exists',
    )
    .argument('<template>', 'its name')
    .option('-f, --follow', 'wait for the build, print as it goes, and end with it', false)
    .option('--console', 'what the VM of the build writes to its console', false)
    .option(
      '--bytes <number>',
      'how many bytes to print, from the end; of a build that is followed at most 1048576',
      parseInteger(1, 8_388_608),
      262_144,
    )
    .addHelpText(
      'after',
      '\nExample:\n  coppice template logs -f debian-nginx\n\nThe exit code is 1 when the build has failed. ' +
        'Of a template that is Ready, the host that built it keeps both logs with the layer.\n' +
        'It needs the verb get on virtualappliances/log, for a template that is Ready on templates/log, in the group\n' +
        'subresources.coppice.dev.',
    )
    .action(printLogs);
  return addClusterOptions(command);
}

async function printLogs(
  name: string,
  { follow, console: ofVm, bytes, ...options }: LogsOptions,
): Promise<void> {
  const wanted: Wanted = { source: ofVm ? 'console' : 'build', bytes };
  const signal = interruption(console.error, 'Interrupted: the build goes on.');
  await withCluster(options, async (cluster) => {
    const template = await cluster.client.get(TEMPLATES, { name, namespace: cluster.namespace });
    requireBuild(template);
    await (follow ? followLog(cluster, name, wanted, signal) : printOnce(cluster, template, wanted));
  });
}

function requireBuild({ metadata, spec, status }: Template): void {
  const { name } = metadata;
  if (spec.source.build === undefined)
    throw new Error(`template ${name} is not built: only those with source.build have such a log`);
  const { sharedWith, state } = status?.build ?? {};
  if (sharedWith !== undefined && state !== 'Done')
    throw new Error(
      `template ${sharedWith} is built for ${name} as well: coppice template logs ${sharedWith}`,
    );
}

async function printOnce(cluster: Cluster, template: Template, wanted: Wanted): Promise<void> {
  const { appliance, state } = template.status?.build ?? {};
  if (state === 'Done') return await printKept(cluster, template, wanted);
  if (appliance === undefined) throw new Error(standingOf(template)?.message ?? 'it is not built yet');
  await print(await openLog(cluster, appliance, wanted, false));
}

async function followLog(cluster: Cluster, name: string, wanted: Wanted, signal: AbortSignal): Promise<void> {
  let log: IncomingMessage | undefined;
  for (let told = ''; ; ) {
    const template = await cluster.client.get(TEMPLATES, { name, namespace: cluster.namespace }, { signal });
    const { appliance, state } = template.status?.build ?? {};
    if (log === undefined && appliance !== undefined) {
      log = await openLog(cluster, appliance, wanted, true).catch(unlessNotYet);
      if (log !== undefined) print(log).catch(() => undefined);
    }
    const standing = standingOf(template);
    if (log === undefined && standing !== undefined && standing.message !== told)
      console.error(standing.message);
    told = standing?.message ?? told;
    const hasFailed = state === 'Failed' || isStalled(template);
    if (standing?.status === 'True' || hasFailed) {
      await lastLines(log);
      if (log === undefined && state === 'Done') await printKept(cluster, template, wanted).catch(tell);
      if (hasFailed) throw new Error(standing?.message);
      console.error(`Template ${name} is Ready.`);
      return;
    }
    await sleep(systemClock, POLL_MS, signal);
  }
}

/** A host that does not have the appliance yet, or an appliance without a host. */
function unlessNotYet(error: unknown): undefined {
  if (!(error instanceof ApiError && [404, 409, 503].includes(error.status))) throw error;
}

async function lastLines(log: IncomingMessage | undefined): Promise<void> {
  if (log === undefined) return;
  const ended = new AbortController();
  await Promise.race([
    finished(log).catch(() => undefined),
    sleep(systemClock, LAST_LINES_MS, ended.signal).catch(() => undefined),
  ]);
  ended.abort();
  log.destroy();
}

/** What the host keeps that built it. */
async function printKept(
  { config, namespace }: Cluster,
  { metadata: { name }, status }: Template,
  wanted: Wanted,
): Promise<void> {
  const { host, sharedWith } = status?.build ?? {};
  const as = sharedWith === undefined ? '' : ` as template ${sharedWith}`;
  if (host !== undefined) console.error(`Asking host ${host}, where it was built${as}, and its log is kept.`);
  await print(await openBuildLogOf(config, { name, namespace }, queryOf(wanted).toString()));
}

/** The exit code of --follow is that of the build, whatever became of its log. */
function tell(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
  console.error(error.message);
}

function queryOf({ source, bytes }: Wanted): URLSearchParams {
  return new URLSearchParams({ bytes: String(bytes), source });
}

function openLog({ config, namespace }: Cluster, appliance: string, wanted: Wanted, follow: boolean) {
  const bytes = follow ? Math.min(wanted.bytes, LONGEST_FOLLOWED_BYTES) : wanted.bytes;
  const query = queryOf({ ...wanted, bytes });
  if (follow) query.set('follow', 'true');
  return openLogOf(config, { name: appliance, namespace }, query.toString());
}

async function print(log: IncomingMessage): Promise<void> {
  await pipeline(log, process.stdout, { end: false }).catch((error: NodeJS.ErrnoException) => {
    // `coppice template logs … | head` has seen enough.
    if (error.code !== 'EPIPE') throw new Error(`the log was cut off: ${error.message}`, { cause: error });
  });
}

function standingOf({ metadata, status }: Template) {
  const ready = findCondition(status?.conditions, CONDITION_READY);
  return ready?.observedGeneration === metadata.generation ? ready : undefined;
}

function isStalled({ status }: Template): boolean {
  return findCondition(status?.conditions, CONDITION_STALLED)?.status === 'True';
}
