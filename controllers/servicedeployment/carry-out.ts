import { type ServiceDeployment, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { controllerOf, keyOf } from '../../src/base/object.ts';
import { isAlreadyExists } from '../../src/kube/api-error.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import { uidOf } from '../objects/appliance.ts';
import { type TakenName, taskEvents } from '../obstacles/tasks.ts';
import { inParallel, slowStart } from '../parallel.ts';
import { warning } from '../status/occurrence.ts';
import { carryOutRecall } from './carry-out-recall.ts';
import type { Dependencies } from './dependencies.ts';
import { changedParts, updated } from './difference.ts';
import type { Plan } from './plan.ts';
import { unlessOutdated } from './unless-outdated.ts';
import type { UnobservedWrites } from './unobserved-writes.ts';
import { newAppliance, type WantedAppliance } from './wanted.ts';

const WIDTH = 16;

/**
 * Carries out the plan. Every write names the version that the decision was based on, or a name that follows from the task. After
 * a crash, or with a cache that lags behind, nothing is done twice and nothing is done to a changed object.
 * @returns the names that appliances outside the task have, and whose they are; those stay as they are
 */
export async function carryOut(
  dependencies: Dependencies,
  deployment: ServiceDeployment,
  plan: Plan,
  signal: AbortSignal,
): Promise<readonly TakenName[]> {
  const { client, recorder, unobserved } = dependencies;
  // Before anything of it is lost.
  for (const { current, wanted } of plan.replace)
    recorder.record(
      deployment,
      warning(taskEvents.replacing(current.metadata.name, changedParts(current, wanted))),
    );
  await carryOutRecall(dependencies, deployment, plan, signal);
  const going = [...plan.remove, ...plan.replace.map(({ current }) => current)];
  await removeAll(dependencies, deployment, going, signal);
  await inParallel(plan.update, WIDTH, ({ current, wanted }) =>
    updateOne(client, unobserved, current, wanted, signal),
  );
  return await createAll(dependencies, deployment, plan.create, signal);
}

async function removeAll(
  { client, recorder, unobserved }: Dependencies,
  deployment: ServiceDeployment,
  going: readonly VirtualAppliance[],
  signal: AbortSignal,
): Promise<void> {
  const deleted = new Set<VirtualAppliance>();
  try {
    await inParallel(going, WIDTH, (appliance) => {
      const { name, namespace, uid, resourceVersion } = appliance.metadata;
      const options = { preconditions: { uid, resourceVersion }, signal };
      return unlessOutdated(client.delete(VIRTUAL_APPLIANCES, { name, namespace }, options), () => {
        unobserved.add(appliance);
        deleted.add(appliance);
      });
    });
  } finally {
    const names = going.filter((one) => deleted.has(one)).map(({ metadata }) => metadata.name);
    // One Event for all of them: the API server need not hear of each.
    if (names.length > 0) recorder.record(deployment, { type: 'Normal', ...taskEvents.deleted(names) });
  }
}

/** @returns the names that appliances outside the task have */
async function createAll(
  { client, expectations, recorder }: Dependencies,
  deployment: ServiceDeployment,
  wanted: readonly WantedAppliance[],
  signal: AbortSignal,
): Promise<readonly TakenName[]> {
  const taken: TakenName[] = [];
  const key = keyOf(deployment);
  const names = wanted.map(({ name }) => name);
  expectations.expectCreations(key, names);
  const created = new Set<string>();
  try {
    await slowStart(wanted, async (one) => {
      const outcome = await createOne(client, deployment, one, signal);
      if (outcome === 'created') created.add(one.name);
      if (typeof outcome === 'object') taken.push(outcome);
    });
  } finally {
    // No watch event will come for an appliance that was not created.
    for (const name of names) if (!created.has(name)) expectations.creationObserved(key, name);
    const made = names.filter((name) => created.has(name));
    if (made.length > 0) recorder.record(deployment, { type: 'Normal', ...taskEvents.created(made) });
  }
  return taken.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function updateOne(
  client: Dependencies['client'],
  unobserved: UnobservedWrites,
  current: VirtualAppliance,
  wanted: WantedAppliance,
  signal: AbortSignal,
): Promise<void> {
  await unlessOutdated(client.replace(VIRTUAL_APPLIANCES, updated(current, wanted), { signal }), () =>
    unobserved.add(current),
  );
}

async function createOne(
  client: Dependencies['client'],
  deployment: ServiceDeployment,
  wanted: WantedAppliance,
  signal: AbortSignal,
): Promise<'created' | 'exists' | TakenName> {
  const appliance = newAppliance(deployment, wanted);
  try {
    await client.create(VIRTUAL_APPLIANCES, appliance, { signal });
    return 'created';
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const { name, namespace } = appliance.metadata;
  const found = await client.find(VIRTUAL_APPLIANCES, { name, namespace }, { signal });
  if (found !== undefined && controllerOf(found)?.uid === uidOf(deployment)) return 'exists';
  if (found !== undefined && !isGoing(found, deployment)) return { name, owner: ownerOf(found) };
  throw new TransientError(`the name ${name} still belongs to an appliance that is being deleted`);
}

function ownerOf(appliance: VirtualAppliance): string | undefined {
  const owner = controllerOf(appliance);
  return owner === undefined ? undefined : `of ${owner.kind} ${owner.name}`;
}

/** Whether the appliance is about to disappear by itself: deleted, or left from a deleted task of the same name. */
function isGoing(found: VirtualAppliance, { kind, metadata }: ServiceDeployment): boolean {
  const owner = controllerOf(found);
  return (
    found.metadata.deletionTimestamp !== undefined || (owner?.kind === kind && owner.name === metadata.name)
  );
}
