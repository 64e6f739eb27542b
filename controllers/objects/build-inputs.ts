import { createHash } from 'node:crypto';
import { CONFIG_MAPS, SECRETS, type Template } from '../../src/api/kinds.ts';
import { own } from '../../src/base/own.ts';
import type { DesiredBuild, DesiredBuildStep } from '../../src/host/protocol.ts';
import { isRefused } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { buildObstacles } from '../obstacles/builds.ts';
import { errorOf, RetryError } from '../obstacles/obstacle.ts';
import { filesIn, versionOf } from './config-map.ts';

const STEP_SECONDS = 3600;

export type BuildSteps = NonNullable<Template['spec']['source']['build']>;
type Step = BuildSteps['steps'][number];
type From = NonNullable<Step['copy']>['from'];
type Files = Readonly<Record<string, string>>;

/** A ConfigMap or a Secret that a step copies. */
export interface BuildInput {
  /** From 1. */
  readonly step: number;
  /** Such as `ConfigMap shop/files`. */
  readonly what: string;
  /** Uid and resourceVersion. */
  readonly version: string;
  /** Says what its content is, and of a Secret only which one it is: a digest of its content could be guessed. */
  readonly digest: string;
  /** What is copied, in base64: one entry by its name, or all. */
  readonly files: Files;
}

/**
 * Reads all that the steps copy out of ConfigMaps and Secrets.
 * @throws WaitingError BuildInputNotFound; RetryError BuildInputRefused
 */
export async function readInputs(
  client: Pick<KubeClient, 'find'>,
  namespace: string | undefined,
  { steps }: BuildSteps,
  signal: AbortSignal,
): Promise<readonly BuildInput[]> {
  const inputs: BuildInput[] = [];
  for (const [index, { copy }] of steps.entries()) {
    if (copy !== undefined && copy.from.url === undefined)
      inputs.push(await readInput(client, namespace ?? 'default', copy.from, index + 1, signal));
  }
  return inputs;
}

async function readInput(
  client: Pick<KubeClient, 'find'>,
  namespace: string,
  { configMap, secret }: From,
  step: number,
  signal: AbortSignal,
): Promise<BuildInput> {
  const { name = '', key } = configMap ?? secret ?? {};
  const what = `${secret === undefined ? 'ConfigMap' : 'Secret'} ${namespace}/${name}`;
  const find = () =>
    secret === undefined
      ? client.find(CONFIG_MAPS, { namespace, name }, { signal })
      : client.find(SECRETS, { namespace, name }, { signal });
  const found = await find().catch((error: unknown) => {
    throw isRefused(error) ? new RetryError(buildObstacles.inputRefused(what), error) : error;
  });
  if (found === undefined) throw errorOf(buildObstacles.inputNotFound(step, what));
  const all = secret === undefined ? filesIn(found) : (found.data ?? {});
  const files = key === undefined ? all : entryOf(all, key);
  if (files === undefined) throw errorOf(buildObstacles.inputNotFound(step, `entry ${key} of ${what}`));
  if (Object.keys(files).length === 0)
    throw errorOf(buildObstacles.inputNotFound(step, `an entry in ${what}`));
  const version = versionOf(found);
  return { step, what, version, digest: secret === undefined ? digestOfFiles(files) : version, files };
}

function entryOf(all: Files, key: string): Files | undefined {
  const content = own(all, key);
  return content === undefined ? undefined : { [key]: content };
}

function digestOfFiles(files: Files): string {
  const entries = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex');
}

/** Whether it is the version that the build was begun with. */
export function isSameVersion(
  { step, version }: BuildInput,
  known: readonly { readonly step: number; readonly version: string }[],
): boolean {
  return known.some((one) => one.step === step && one.version === version);
}

/** The build as a host expects it. */
export function desiredBuildOf({ steps, clean }: BuildSteps, inputs: readonly BuildInput[]): DesiredBuild {
  const filesOf = (step: number) => inputs.find((input) => input.step === step)?.files ?? {};
  return { steps: steps.map((step, index) => desiredStep(step, filesOf(index + 1))), clean: clean ?? [] };
}

function desiredStep({ name, timeoutSeconds, run, copy }: Step, files: Files): DesiredBuildStep {
  const common = { timeoutSeconds: timeoutSeconds ?? STEP_SECONDS, ...(name === undefined ? {} : { name }) };
  if (run !== undefined) return { kind: 'run', ...common, script: run };
  if (copy === undefined) return { kind: 'reboot', ...common };
  const { to, mode, owner } = copy;
  const rest = { ...(mode === undefined ? {} : { mode }), ...(owner === undefined ? {} : { owner }) };
  return { kind: 'copy', ...common, to, ...rest, content: contentOf(copy.from, files) };
}

function contentOf({ url, sha256, configMap, secret }: From, files: Files) {
  if (url !== undefined && sha256 !== undefined) return { kind: 'url', url, sha256 } as const;
  const key = (configMap ?? secret)?.key;
  if (key === undefined) return { kind: 'files', files } as const;
  return { kind: 'bytes', base64: own(files, key) ?? '' } as const;
}

/**
 * Digest of all that makes a layer what it is: templates of a namespace with the same one share it. What steps are called, and how
 * long they may take, makes no difference.
 * @param parent the layer that the steps are carried out on
 */
export function buildKey(
  { steps, clean = [], revision = '', diskSize }: BuildSteps,
  parent: string,
  inputs: readonly BuildInput[],
): string {
  const what = steps.map(({ run, copy, reboot }) => [run ?? null, copy ?? null, reboot ?? null]);
  const digests = inputs.map(({ step, digest }) => [step, digest]);
  const all = ['coppice build 1', parent, what, [...clean].sort(), revision, diskSize ?? null, digests];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}
