import { CONDITION_READY, CONDITION_STALLED, findCondition } from '../../src/api/conditions.ts';
import { TEMPLATES, type Template, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { apiVersionOf, type KubeObject, keyOf, type ResourceRef } from '../../src/base/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../src/kube/api-error.ts';
import type { OperatorContext } from '../context.ts';
import { BY_OWNER, BY_PARENT, ownerKey } from '../indexes.ts';
import { uidOf } from '../objects/appliance.ts';
import { isForCheckpointOf, type WantedCheckpoint, wantedCheckpoints } from '../objects/checkpoints.ts';
import { isJudged } from '../objects/template-readiness.ts';
import { checkpointMessages } from '../obstacles/checkpoints.ts';

type Checkpoint = NonNullable<NonNullable<Template['status']>['checkpoints']>[number];

/**
 * Makes what is missing of a template's checkpoints: an appliance boots, a template is made of its memory, the appliance goes. Deletes
 * those that are no longer asked for. Killed at any point, it continues with what stands in the API.
 * @returns how far each is; undefined when none is asked for
 */
export async function keepCheckpoints(
  context: OperatorContext,
  template: Template,
  signal: AbortSignal,
): Promise<Checkpoint[] | undefined> {
  const wanted = wantedCheckpoints(template);
  await removeCheckpoints(context, template, signal, new Set(wanted.map(({ name }) => name)));
  if (wanted.length === 0) return undefined;
  const states: Checkpoint[] = [];
  for (const one of wanted) states.push(await advance({ context, template, signal }, one));
  return states;
}

/**
 * Deletes the appliances and the templates that were made for the checkpoints of a template. Such a template goes when no appliance uses it.
 * @param kept names of those that stay
 */
export async function removeCheckpoints(
  { caches, client }: OperatorContext,
  template: Template,
  signal: AbortSignal,
  kept: ReadonlySet<string> = new Set(),
): Promise<void> {
  const { namespace } = template.metadata;
  const children = caches.templates.byIndex(BY_PARENT, keyOf(template));
  const appliances = caches.appliances.byIndex(BY_OWNER, ownerKey(namespace, uidOf(template)));
  const isLeft = (one: Template | VirtualAppliance) =>
    isForCheckpointOf(one, template) && !kept.has(one.metadata.name);
  for (const child of children.filter(isLeft)) await remove(client, TEMPLATES, child, signal);
  for (const appliance of appliances.filter(isLeft))
    await remove(client, VIRTUAL_APPLIANCES, appliance, signal);
}

/** What the steps towards one checkpoint work with. */
interface Work {
  readonly context: OperatorContext;
  readonly template: Template;
  readonly signal: AbortSignal;
}

async function advance(work: Work, wanted: WantedCheckpoint): Promise<Checkpoint> {
  const { context, template, signal } = work;
  const { caches, client } = context;
  const { name } = wanted;
  const key = keyOf({ name, namespace: template.metadata.namespace });
  const [saved, appliance] = [caches.templates.get(key), caches.appliances.get(key)];
  const stranger = [saved, appliance].find((one) => one !== undefined && !isForCheckpointOf(one, template));
  if (stranger !== undefined)
    return { name, state: 'Failed', message: checkpointMessages.nameTaken(stranger.kind, key) };
  if (saved !== undefined && isJudged(saved)) {
    if (appliance !== undefined) await remove(client, VIRTUAL_APPLIANCES, appliance, signal);
    return { name, state: 'Ready' };
  }
  if (saved !== undefined) return following(name, 'Saving', saved);
  if (appliance === undefined) {
    await create(client, VIRTUAL_APPLIANCES, applianceFor(work, wanted), signal);
    return { name, state: 'Booting', message: checkpointMessages.begun(key) };
  }
  if (appliance.metadata.deletionTimestamp !== undefined || !hasBooted(appliance))
    return following(name, 'Booting', appliance);
  await create(client, TEMPLATES, templateFor(work, name, appliance), signal);
  return { name, state: 'Saving', message: checkpointMessages.saving(key) };
}

/** Whether the guest has booted, and its agent has configured it. */
function hasBooted({ status }: VirtualAppliance): boolean {
  return (status?.steps ?? []).some(({ name, state }) => name === 'Configure' && state === 'Done');
}

/** What the object says of itself. */
function following(
  name: string,
  state: 'Booting' | 'Saving',
  { kind, metadata, status }: Template | VirtualAppliance,
): Checkpoint {
  const isStalled = findCondition(status?.conditions, CONDITION_STALLED)?.status === 'True';
  const { message = '' } = findCondition(status?.conditions, CONDITION_READY) ?? {};
  return {
    name,
    state: isStalled ? 'Failed' : state,
    message: checkpointMessages.said(
      kind,
      keyOf({ name: metadata.name, namespace: metadata.namespace }),
      message,
    ),
  };
}

/** It has no package: what it runs at its start is what the template runs. */
function applianceFor(work: Work, { name, size }: WantedCheckpoint): object {
  const { namespace, name: template } = work.template.metadata;
  return {
    ...headOf(VIRTUAL_APPLIANCES, work.template, name),
    spec: { template: { name: template, namespace }, resources: size, capturable: true },
  };
}

function templateFor({ template }: Work, name: string, { metadata: { uid } }: VirtualAppliance): object {
  const { mode, minCopies, maxCopies, importance, popularityHalfLife } = template.spec.distribution;
  return {
    ...headOf(TEMPLATES, template, name),
    spec: {
      source: { appliance: { name, uid, memory: true } },
      distribution: {
        ...{ mode, minCopies, importance, popularityHalfLife },
        ...(maxCopies === undefined ? {} : { maxCopies }),
      },
    },
  };
}

/** Controlled by the template, so that it is found again, and goes with it. */
function headOf(ref: ResourceRef, { metadata }: Template, name: string) {
  const owner = {
    ...{ apiVersion: apiVersionOf(TEMPLATES), kind: TEMPLATES.kind },
    ...{ name: metadata.name, uid: metadata.uid, controller: true },
  };
  return {
    ...{ apiVersion: apiVersionOf(ref), kind: ref.kind },
    metadata: { name, namespace: metadata.namespace, ownerReferences: [owner] },
  };
}

type Client = OperatorContext['client'];

/** The cache may not show yet that it is there. */
async function create(client: Client, ref: ResourceRef, object: object, signal: AbortSignal): Promise<void> {
  try {
    // The API server fills in the rest.
    await client.create(ref, object as KubeObject, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

async function remove(client: Client, ref: ResourceRef, { metadata }: KubeObject, signal: AbortSignal) {
  const { name, namespace, uid, deletionTimestamp } = metadata;
  if (deletionTimestamp !== undefined) return;
  const of = namespace === undefined ? { name } : { name, namespace };
  try {
    await client.delete(ref, of, { ...(uid === undefined ? {} : { preconditions: { uid } }), signal });
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}
