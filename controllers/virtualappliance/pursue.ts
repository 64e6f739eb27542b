import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { StalledError, TransientError, WaitingError } from '../../src/kube/errors.ts';
import type { OperatorContext } from '../context.ts';
import { tellingProblem } from '../host/asking.ts';
import type { Puts } from '../host/puts.ts';
import type { HostView } from '../host/view.ts';
import { isSharedWith, notShared, templateKeyOf } from '../template/references.ts';
import { type Desired, desiredOf } from './desired.ts';
import { packageOf } from './package.ts';
import { push } from './push.ts';
import type { Obstacle } from './standing.ts';

/** What came of bringing an appliance nearer to its spec. `error` is to be tried again after the status is written. */
export interface Pursuit {
  readonly obstacle?: Obstacle;
  readonly error?: TransientError;
}

/**
 * Gathers what the appliance is made of and tells its host. Whatever stands in the way becomes a condition; an appliance that
 * runs already goes on running meanwhile.
 */
export async function pursue(
  context: OperatorContext,
  appliance: VirtualAppliance,
  view: HostView | undefined,
  puts: Puts,
  signal: AbortSignal,
): Promise<Pursuit> {
  try {
    requireHost(context, appliance);
    const template = requireTemplate(context, appliance);
    const servicePackage = packageOf(appliance, (key) => context.caches.configMaps.get(key));
    const desired = desiredOf(appliance, template, servicePackage);
    const client = view === undefined ? undefined : context.links.client(view.name);
    if (view?.link.state !== 'connected' || client === undefined) return {};
    await push(client, view, puts, desired, signal);
    return { obstacle: failedLayer(view, desired) };
  } catch (error) {
    if (error instanceof WaitingError || error instanceof StalledError) {
      const { reason, message } = error;
      return { obstacle: { reason, message, isStalled: error instanceof StalledError } };
    }
    if (error instanceof TransientError) {
      const problem = tellingProblem(error);
      return problem === undefined ? { error } : { error, obstacle: { ...problem, isStalled: false } };
    }
    throw error;
  }
}

/**
 * A layer that its host has given up: the appliance's own report says only that it goes on waiting for it. One whose disk is
 * there already does not need it any more.
 */
function failedLayer(view: HostView, { appliance, layers }: Desired): Obstacle | undefined {
  if ((view.appliances.get(appliance.uuid)?.vm.state ?? 'Absent') !== 'Absent') return undefined;
  const problems = [...layers.keys()].map((digest) => view.layers.get(digest)?.problem);
  const final = problems.find((problem) => problem !== undefined && problem.retryAt === undefined);
  return final === undefined ? undefined : { reason: final.reason, message: final.message, isStalled: true };
}

/** A host that a user named by hand may not exist. */
function requireHost({ caches }: OperatorContext, { spec }: VirtualAppliance): void {
  if (spec.hostName === undefined || caches.hosts.get(spec.hostName) !== undefined) return;
  throw new WaitingError(
    'HostNotFound',
    `host ${spec.hostName} is not registered: register it, or delete this appliance, whose host cannot be changed`,
  );
}

function requireTemplate({ caches }: OperatorContext, appliance: VirtualAppliance): Template {
  const key = templateKeyOf(appliance);
  const template = caches.templates.get(key);
  if (template === undefined) {
    throw new WaitingError('TemplateNotFound', `template ${key} does not exist: create it`);
  }
  if (!isSharedWith(template, appliance.metadata.namespace)) {
    throw new WaitingError('TemplateNotShared', notShared(template, appliance.metadata.namespace));
  }
  if (template.metadata.deletionTimestamp !== undefined && appliance.status?.vm === undefined) {
    throw new WaitingError('TemplateDeleting', `template ${key} is being deleted: use another one`);
  }
  return template;
}
