import { type ServiceDeployment, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { controllerOf, keyOf } from '../../src/api/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import type { Expectations } from '../../src/kube/controller/expectations.ts';
import { uidOf } from '../objects/appliance.ts';
import { inParallel, slowStart } from '../parallel.ts';
import { updated } from './difference.ts';
import type { Plan } from './plan.ts';
import type { Flux } from './unobserved-writes.ts';
import { newAppliance, type WantedAppliance } from './wanted.ts';

const WIDTH = 16;

/** With what a plan is carried out. */
export interface Hands {
  readonly client: Pick<KubeClient, 'create' | 'delete' | 'replace' | 'find'>;
  readonly expectations: Expectations;
  readonly flux: Flux;
}

/**
 * Does what the plan says. Every write names the version it was decided on, or a name that follows from the task: killed
 * anywhere, or decided on an old view, it does nothing twice and nothing wrong.
 * @returns the names that other appliances have, which stay as they are
 */
export async function carryOut(
  { client, expectations, flux }: Hands,
  deployment: ServiceDeployment,
  plan: Plan,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const taken: string[] = [];
  await inParallel(plan.remove, WIDTH, (appliance) => removeOne(client, flux, appliance, signal));
  await inParallel(plan.update, WIDTH, ({ current, wanted }) =>
    updateOne(client, flux, current, wanted, signal),
  );
  const key = keyOf(deployment);
  expectations.expectCreations(
    key,
    plan.create.map(({ name }) => name),
  );
  const left = new Set(plan.create.map(({ name }) => name));
  try {
    await slowStart(plan.create, async (wanted) => {
      const outcome = await createOne(client, deployment, wanted, signal);
      if (outcome === 'created') left.delete(wanted.name);
      if (outcome === 'taken') taken.push(wanted.name);
    });
  } finally {
    // Nobody will see the creation of what was not created.
    for (const name of left) expectations.creationObserved(key, name);
  }
  return taken.sort();
}

async function removeOne(
  client: Hands['client'],
  flux: Flux,
  appliance: VirtualAppliance,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, uid, resourceVersion } = appliance.metadata;
  const preconditions = { uid, resourceVersion };
  await unlessOutdated(
    client.delete(VIRTUAL_APPLIANCES, { name, namespace }, { preconditions, signal }),
    () => flux.note(appliance),
  );
}

async function updateOne(
  client: Hands['client'],
  flux: Flux,
  current: VirtualAppliance,
  wanted: WantedAppliance,
  signal: AbortSignal,
): Promise<void> {
  await unlessOutdated(client.replace(VIRTUAL_APPLIANCES, updated(current, wanted), { signal }), () =>
    flux.note(current),
  );
}

/** Somebody was faster: the cache will show what they did, and that brings the task back. */
async function unlessOutdated(call: Promise<unknown>, onDone: () => void): Promise<void> {
  try {
    await call;
    onDone();
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}

async function createOne(
  client: Hands['client'],
  deployment: ServiceDeployment,
  wanted: WantedAppliance,
  signal: AbortSignal,
): Promise<'created' | 'there' | 'taken'> {
  const appliance = newAppliance(deployment, wanted);
  try {
    await client.create(VIRTUAL_APPLIANCES, appliance, { signal });
    return 'created';
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const { name, namespace } = appliance.metadata;
  const found = await client.find(VIRTUAL_APPLIANCES, { name, namespace }, { signal });
  if (found !== undefined && controllerOf(found)?.uid === uidOf(deployment)) return 'there';
  if (found !== undefined && !isGoing(found, deployment)) return 'taken';
  throw new TransientError(`the name ${name} is still that of an appliance that is going`);
}

/** Of a task of the same name that was deleted before: its appliances go with it, and nobody needs to do anything about them. */
function isGoing(found: VirtualAppliance, { kind, metadata }: ServiceDeployment): boolean {
  const owner = controllerOf(found);
  return (
    found.metadata.deletionTimestamp !== undefined || (owner?.kind === kind && owner.name === metadata.name)
  );
}
