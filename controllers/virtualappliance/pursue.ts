import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { isRefused } from '../../src/kube/api-error.ts';
import { StalledError, TransientError, WaitingError } from '../../src/kube/controller/errors.ts';
import type { OperatorContext } from '../context.ts';
import { tellingProblem } from '../daemons/daemon-errors.ts';
import type { Puts } from '../daemons/put-ledger.ts';
import type { HostView } from '../daemons/view.ts';
import { neededCapability, uidOf } from '../objects/appliance.ts';
import { isSharedWith, notShared, templateKeyOf } from '../objects/template-references.ts';
import { ensureAddress } from './assign-address.ts';
import type { Obstacle } from './conditions.ts';
import { type Desired, desiredOf } from './describe-vm.ts';
import type { ExhaustedPools } from './exhausted-pools.ts';
import { packageOf } from './find-package.ts';
import { push } from './send-to-host.ts';

/** What came of bringing an appliance nearer to its spec. `error` is to be tried again after the status is written. */
export interface Pursuit {
  /** As it stands now: with an address, where it was given one. */
  readonly appliance: VirtualAppliance;
  readonly obstacle?: Obstacle;
  readonly error?: TransientError;
}

/** What may be forgotten at any moment, and saves work as long as it is not. */
interface Memory {
  readonly puts: Puts;
  readonly exhausted: ExhaustedPools;
}

/**
 * Gathers what the appliance is made of and tells its host. Whatever stands in the way becomes a condition; an appliance that
 * runs already goes on running meanwhile.
 */
export async function pursue(
  context: OperatorContext,
  found: VirtualAppliance,
  view: HostView | undefined,
  { puts, exhausted }: Memory,
  signal: AbortSignal,
): Promise<Pursuit> {
  let appliance = found;
  try {
    requireHost(context, appliance);
    requireNetwork(appliance, view);
    const template = requireTemplate(context, appliance);
    const findMetadata = (key: string) => context.caches.configMaps.get(key);
    const { value, late } = packageOf(appliance, findMetadata, context.client);
    const addressed = await ensureAddress(context, appliance, exhausted, signal);
    appliance = addressed.appliance;
    const desired = desiredOf(appliance, template, value, addressed.given);
    const client = view === undefined ? undefined : context.links.client(view.name);
    if (view?.link.state !== 'connected' || client === undefined) return { appliance };
    await push(client, view, puts, { ...desired, late }, signal);
    return { appliance, obstacle: failedLayer(view, desired) };
  } catch (error) {
    if (error instanceof WaitingError || error instanceof StalledError) {
      const { reason, message } = error;
      return { appliance, obstacle: { reason, message, isStalled: error instanceof StalledError } };
    }
    if (error instanceof TransientError) {
      const problem = tellingProblem(error) ?? refusalOf(error);
      return {
        appliance,
        error,
        ...(problem === undefined ? {} : { obstacle: { ...problem, isStalled: false } }),
      };
    }
    if (isRefused(error)) {
      const obstacle = { reason: 'AddressRefused', message: error.message, isStalled: false };
      return { appliance, obstacle, error: new TransientError(error.message, { cause: error }) };
    }
    throw error;
  }
}

/** What the API server does not let us read. */
function refusalOf({ cause, message }: TransientError): { reason: string; message: string } | undefined {
  return isRefused(cause) ? { reason: 'ConfigMapRefused', message } : undefined;
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

/** A host that a user named by hand may lack what the appliance's network needs; a VM that is there is left as it is. */
function requireNetwork(appliance: VirtualAppliance, view: HostView | undefined): void {
  const capability = neededCapability(appliance);
  if (view?.status === undefined || view.status.driver.capabilities.includes(capability)) return;
  if ((view.appliances.get(uidOf(appliance))?.vm.state ?? 'Absent') !== 'Absent') return;
  const words =
    capability === 'bridgeNetwork'
      ? 'has no bridge: give its daemon one (coppice hostd --bridge)'
      : 'has no user networking: delete this appliance, and name a pool in a new one';
  throw new WaitingError('NetworkNotSupported', `host ${view.name} ${words}`);
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
