import {
  type ServiceDeployment,
  TEMPLATES,
  type Template,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import { ANNOTATION_RECALL } from '../../src/api/labels.ts';
import { isAlreadyExists } from '../../src/kube/api-error.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import { recallEvents } from '../obstacles/recalls.ts';
import { inParallel } from '../parallel.ts';
import type { Dependencies } from './dependencies.ts';
import type { WantedImage } from './new-image.ts';
import type { Plan } from './plan.ts';
import { unlessOutdated } from './unless-outdated.ts';

const WIDTH = 16;

/**
 * Carries out what of a plan is about recalls. As with all of a plan, each write names the version that the decision was based on, or a
 * name that follows from the task.
 */
export async function carryOutRecall(
  dependencies: Dependencies,
  deployment: ServiceDeployment,
  { stop, start, save, discard }: Plan,
  signal: AbortSignal,
): Promise<void> {
  const { client, recorder, unobserved } = dependencies;
  const write = (old: VirtualAppliance, next: VirtualAppliance) =>
    unlessOutdated(client.replace(VIRTUAL_APPLIANCES, next, { signal }), () => unobserved.add(old));
  await inParallel(start, WIDTH, (appliance) => write(appliance, started(appliance)));
  // Only images of appliances that keep their disks.
  await inParallel(discard, WIDTH, ({ metadata }) => {
    const { name, namespace, uid, resourceVersion } = metadata;
    const options = { preconditions: { uid, resourceVersion }, signal };
    return unlessOutdated(client.delete(TEMPLATES, { name, namespace }, options), () => undefined);
  });
  await inParallel(stop, WIDTH, (appliance) => write(appliance, stopped(appliance)));
  const made: string[] = [];
  try {
    await inParallel(save, WIDTH, async (image) => {
      made.push(...(await createImage(client, image, signal)));
    });
  } finally {
    if (made.length > 0) recorder.record(deployment, { type: 'Normal', ...recallEvents.saving(made.sort()) });
  }
}

/** The mark tells it from an appliance that a user stopped, which nobody starts again. */
function stopped({ metadata, spec, ...rest }: VirtualAppliance): VirtualAppliance {
  const annotations = { ...metadata.annotations, [ANNOTATION_RECALL]: 'stopped' };
  return { ...rest, metadata: { ...metadata, annotations }, spec: { ...spec, powerState: 'Stopped' } };
}

function started({ metadata, spec, ...rest }: VirtualAppliance): VirtualAppliance {
  const { [ANNOTATION_RECALL]: _, ...annotations } = metadata.annotations ?? {};
  return { ...rest, metadata: { ...metadata, annotations }, spec: { ...spec, powerState: 'Running' } };
}

/** @returns its name, unless it was there already: the cache does not show it yet */
async function createImage(
  client: Dependencies['client'],
  { names, template }: WantedImage,
  signal: AbortSignal,
): Promise<string[]> {
  const { namespace } = template.metadata;
  for (const name of names) {
    try {
      const named = { ...template, metadata: { ...template.metadata, name } };
      await client.create(TEMPLATES, named, { signal });
      return [name];
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const found = await client.find(TEMPLATES, { name, namespace }, { signal });
    if (found === undefined) throw new TransientError(`Template ${name} was just deleted`);
    if (isOf(found, template)) return [];
  }
  throw new TransientError(
    `other templates have the names ${names.join(' and ')}: delete them if nobody needs them`,
  );
}

function isOf(found: Template, wanted: Template): boolean {
  const [a, b] = [found.spec.source.appliance?.uid, wanted.spec.source.appliance?.uid];
  return a === b && found.spec.recalled?.recall === wanted.spec.recalled?.recall;
}
