import { CONDITION_READY, CONDITION_STALLED, findCondition } from '../../src/api/conditions.ts';
import { type Template, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { isConflict, isNotFound } from '../../src/kube/api-error.ts';
import type { OperatorContext } from '../context.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import { type BuildSteps, buildKey, readInputs } from '../objects/build-inputs.ts';
import { layersOf } from '../objects/template-files.ts';
import { parentKey, sealedKey, wholeTemplateOf } from '../objects/template-references.ts';
import { buildObstacles } from '../obstacles/builds.ts';
import { type Obstacle, obstacleOf } from '../obstacles/obstacle.ts';
import { createBuildAppliance, isOwn } from './build-appliance.ts';
import { chooseParent } from './choose-parent.ts';
import { sealObstacle } from './seal.ts';

type BuildStatus = NonNullable<NonNullable<Template['status']>['build']>;

/** How far the build of a template is. */
export interface BuildProgress {
  readonly status: BuildStatus;
  /** What keeps it from having its layer; undefined once it has. */
  readonly obstacle: Obstacle | undefined;
  /** Whether its appliance is done, and a host may make a layer of its disk. */
  readonly isBuilt: boolean;
  /** The layer of another template that was built in the same way. */
  readonly shared?: string;
}

/**
 * Makes the appliance in which a template is built, unless it is there or was; follows it; and removes it when the template has its
 * layer. Undefined for a template that is not built. Killed at any point, it continues with what stands in the API: what an appliance
 * builds is fixed when it is made.
 */
export async function progressOf(
  context: OperatorContext,
  template: Template,
  signal: AbortSignal,
): Promise<BuildProgress | undefined> {
  const { build: steps } = template.spec.source;
  if (steps === undefined) return undefined;
  const found = context.caches.appliances.get(sealedKey(template) ?? '');
  const appliance = found !== undefined && isOwn(found, template) ? found : undefined;
  if (template.status?.layers?.disk !== undefined) {
    if (appliance !== undefined) await remove(context, appliance, signal);
    const { key, sharedWith, host } = template.status.build ?? {};
    return { status: known({ key, sharedWith, host, state: 'Done' }), obstacle: undefined, isBuilt: false };
  }
  if (appliance !== undefined && appliance.metadata.deletionTimestamp === undefined) {
    const sharing = sharedMeanwhile(context, template, appliance);
    if (sharing === undefined) return followed(context, template, appliance);
    await remove(context, appliance, signal);
    return sharing;
  }
  if (found !== undefined)
    return waiting(buildObstacles.nameTaken(keyOf(found)), template.status?.build?.key);
  return (await leftSeal(context, template, signal)) ?? (await begun(context, template, steps, signal));
}

/**
 * A host may have kept the disk of an appliance that somebody deleted since: its layer is made all the same. One that cannot be made
 * stands in the way of the next.
 */
async function leftSeal(
  context: OperatorContext,
  template: Template,
  signal: AbortSignal,
): Promise<BuildProgress | undefined> {
  const { uid = '' } = template.metadata;
  const view = context.views.list().find(({ seals }) => seals.has(uid));
  const seal = view?.seals.get(uid);
  if (view === undefined || seal === undefined) return undefined;
  const { key } = template.status?.build ?? {};
  if (seal.state === 'Sealing' || seal.state === 'Ready')
    return {
      status: known({ key, host: view.name, state: 'Built' }),
      obstacle: sealObstacle(template, context),
      isBuilt: false,
    };
  const daemon = context.links.client(view.name);
  if (daemon !== undefined) await callDaemon(daemon.deleteSeal(uid, { signal }));
  return undefined;
}

async function remove(
  { client }: OperatorContext,
  { metadata }: VirtualAppliance,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid, deletionTimestamp } = metadata;
  if (deletionTimestamp !== undefined) return;
  try {
    await client.delete(VIRTUAL_APPLIANCES, { name, namespace }, { preconditions: { uid }, signal });
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}

/** Nothing was begun: makes the appliance, if everything that it needs is there and nobody else builds the same. */
async function begun(
  context: OperatorContext,
  template: Template,
  steps: BuildSteps,
  signal: AbortSignal,
): Promise<BuildProgress> {
  const { caches, client } = context;
  const choice = parentKey(template) === null ? chooseParent(template, caches.templates.list()) : undefined;
  if (choice !== undefined && 'obstacle' in choice) return waiting(choice.obstacle);
  const parent = caches.templates.get(parentKey(template) ?? '');
  const parents = parent && layersOf(wholeTemplateOf(parent, (key) => caches.templates.get(key)));
  const parentName = parentKey(template) ?? '';
  if (parents === undefined) return waiting(buildObstacles.parentNotReady(parentName));
  if (parent?.metadata.deletionTimestamp !== undefined)
    return waiting(buildObstacles.parentDeleting(parentName));
  try {
    const inputs = await readInputs(client, template.metadata.namespace, steps, signal);
    const key = buildKey(steps, parents.disk, inputs);
    const same = sameBuild(template, key, caches.templates.list());
    const sharing = same && sharedWith(same, key);
    if (sharing !== undefined) return sharing;
    if (same !== undefined) return waiting(buildObstacles.sameBuild(keyOf(same)), key, same.metadata.name);
    // Others must see what it wants to build before it begins, or two that are made together would not see each other.
    if (template.status?.build?.key !== key) return waiting(buildObstacles.beginning(), key);
    const appliance = await createBuildAppliance(client, template, { key, inputs }, signal);
    if (appliance === undefined) return waiting(buildObstacles.nameTaken(sealedKey(template) ?? ''), key);
    return followed(context, template, appliance);
  } catch (error) {
    const obstacle = obstacleOf(error);
    if (obstacle === undefined) throw error;
    return waiting(obstacle);
  }
}

/** The layer of another template that finished the same build while this one's was not done. */
function sharedMeanwhile(
  { caches }: OperatorContext,
  template: Template,
  { spec, status }: VirtualAppliance,
): BuildProgress | undefined {
  const { key } = spec.build ?? {};
  if (key === undefined || status?.build?.state === 'Built') return undefined;
  const finished = othersOf(template, key, caches.templates.list()).find(hasLayer);
  return finished && sharedWith(finished, key);
}

/** Undefined while the other template has no layer. */
function sharedWith({ metadata, status }: Template, key: string): BuildProgress | undefined {
  const shared = status?.layers?.disk;
  if (shared === undefined) return undefined;
  // Where the log of the build is.
  const { host } = status?.build ?? {};
  const build = known({ key, sharedWith: metadata.name, host, state: 'Done' });
  return { status: build, obstacle: undefined, isBuilt: false, shared };
}

function hasLayer({ status }: Template): boolean {
  return status?.layers?.disk !== undefined;
}

/** The templates of the same namespace that are, or are to be, built in the same way. */
function othersOf({ metadata: own }: Template, key: string, templates: readonly Template[]): Template[] {
  return templates.filter(
    ({ metadata, status }) =>
      metadata.namespace === own.namespace &&
      metadata.uid !== own.uid &&
      metadata.deletionTimestamp === undefined &&
      status?.build?.key === key,
  );
}

function isBeingBuilt({ status }: Template): boolean {
  return status?.build?.appliance !== undefined && status.build.state !== 'Failed';
}

/**
 * The template of the same namespace whose layer this one shares: one that has it, else one that is being built, else the oldest of
 * those that want it. Undefined when that is this one.
 */
function sameBuild(template: Template, key: string, templates: readonly Template[]): Template | undefined {
  const others = othersOf(template, key, templates);
  const further = others.find(hasLayer) ?? others.find(isBeingBuilt);
  if (further !== undefined) return further;
  const [oldest] = [...others, template].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  return oldest === template ? undefined : oldest;
}

function rank({ metadata }: Template): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}

/** What its appliance says. */
function followed(context: OperatorContext, template: Template, appliance: VirtualAppliance): BuildProgress {
  const { spec, status } = appliance;
  const { state, step, steps, name, attempt, failure } = status?.build ?? {};
  const common = { key: spec.build?.key, appliance: appliance.metadata.name, host: spec.hostName };
  const progress = known({ ...common, state: state ?? 'Waiting', step, steps, name, attempt });
  const label = keyOf(appliance);
  if (state === 'Failed' && failure !== undefined)
    return {
      status: progress,
      obstacle: buildObstacles.failed(failure, label, spec.hostName),
      isBuilt: false,
    };
  if (state === 'Built') {
    const sealing = sealObstacle(template, context);
    return { status: progress, obstacle: sealing, isBuilt: true };
  }
  return { status: progress, obstacle: obstacleFor(template, appliance), isBuilt: false };
}

/** What it does, or what keeps it from that. */
function obstacleFor({ metadata }: Template, appliance: VirtualAppliance): Obstacle {
  const { spec, status } = appliance;
  const ready = findCondition(status?.conditions, CONDITION_READY);
  const isStalled = findCondition(status?.conditions, CONDITION_STALLED)?.status === 'True';
  const { state, step, steps, name } = status?.build ?? {};
  const isWorking = ready === undefined || ready.reason === 'VMReady';
  if (state !== undefined && isWorking && step !== undefined) {
    const doing =
      state === 'Building'
        ? `is at step ${step} of ${steps}${name === undefined ? '' : ` (${name})`}`
        : 'cleans the guest, and shuts it down';
    return buildObstacles.building(spec.hostName, doing, metadata.name);
  }
  const { reason = 'Building', message = 'it is made' } = ready ?? {};
  return buildObstacles.ofAppliance(keyOf(appliance), { reason, message }, isStalled);
}

function waiting(obstacle: Obstacle, key?: string, sharedWith?: string): BuildProgress {
  return { status: known({ key, sharedWith, state: 'Waiting' }), obstacle, isBuilt: false };
}

/** Without what is not known. */
function known(status: { readonly [Key in keyof BuildStatus]: BuildStatus[Key] | undefined }): BuildStatus {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
}
