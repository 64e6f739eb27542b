import { findCondition, isConditionTrue } from '../../src/api/conditions.ts';
import {
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  type Template,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import { controllerOf, keyOf } from '../../src/api/object.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { isRefused } from '../../src/kube/api-error.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { createExpectations } from '../../src/kube/controller/expectations.ts';
import {
  done,
  type ReconcileResult,
  requeueAfter,
  soonest,
  waitFor,
} from '../../src/kube/controller/outcome.ts';
import type { Occurrence } from '../../src/kube/events/event-record.ts';
import type { OperatorContext } from '../context.ts';
import { BY_OWNER, ownerKey } from '../indexes.ts';
import { uidOf } from '../objects/appliance.ts';
import { type ControllerDefinition, changesOf } from '../sources.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { carryOut, type Hands } from './carry-out.ts';
import { Differences } from './difference.ts';
import { predictionOf } from './prediction.ts';
import { isComplete, statusOf, urgencyOf } from './status.ts';
import { type Survey, survey } from './survey.ts';
import { Flux } from './unobserved-writes.ts';

/** A creation that the watch does not show for so long is looked for anew: names keep it from being made twice. */
const CREATION_LIFE_MS = 10_000;
/**
 * A look at a task costs time for each of its appliances, and each of them changes several times while it is made: the more there
 * are, the more changes are gathered for one look, or the cost would grow with their square.
 */
const GATHER_MS_PER_APPLIANCE = 0.1;
const LONGEST_GATHER_MS = 1000;
/** Names that others have are tried again so often. */
const CONFLICT_RECHECK_MS = 30_000;

/**
 * Makes the appliances that a task declares, each once, changes them when the task changes, and says in its status where the
 * services answer. Watches tasks, their appliances, and the templates they could be made from. Appliances of a deleted task
 * go by their owner references.
 */
export function createServiceDeploymentController(context: OperatorContext): ControllerDefinition {
  const { caches, client, clock, timings } = context;
  const hands = { client, expectations: createExpectations(clock, CREATION_LIFE_MS), flux: new Flux() };
  const debounces = { soon: timings.deploymentStatus };
  const writer = new StatusWriter({ applier: context.applier, ref: SERVICE_DEPLOYMENTS, clock, debounces });
  const reconciler = new Reconciler(context, hands, writer);
  return {
    name: 'servicedeployment',
    concurrency: 8,
    sources: [
      sourceOf(caches.deployments, (deployment) => [keyOf(deployment)]),
      changesOf(
        caches.appliances,
        (old, current) => {
          noteSeen(hands, old, current);
          return [...new Set([taskOf(old), taskOf(current)])].flatMap((key) => key ?? []);
        },
        (key) => gatherMs(caches.deployments.get(key)),
      ),
      changesOf(caches.templates, (old, current) =>
        isSameJson(choosable(old), choosable(current))
          ? []
          : caches.deployments.list().map((one) => keyOf(one)),
      ),
    ],
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
  };
}

function gatherMs(task: ServiceDeployment | undefined): number {
  const { wantedReplicas = 0, replicas = 0 } = task?.status ?? {};
  return Math.min(
    Math.floor(Math.max(wantedReplicas, replicas) * GATHER_MS_PER_APPLIANCE),
    LONGEST_GATHER_MS,
  );
}

/** The task that controls an appliance. */
function taskOf(appliance: VirtualAppliance | undefined): string | undefined {
  const owner = appliance === undefined ? undefined : controllerOf(appliance);
  if (owner?.kind !== SERVICE_DEPLOYMENTS.kind) return undefined;
  return keyOf({ namespace: appliance?.metadata.namespace, name: owner.name });
}

function noteSeen({ expectations, flux }: Hands, old?: VirtualAppliance, current?: VirtualAppliance): void {
  const task = taskOf(current);
  if (current !== undefined && task !== undefined) expectations.creationObserved(task, current.metadata.name);
  if (current === undefined && old !== undefined) flux.forget(old);
}

/** What a choice among templates depends on; the rest of a template may change without anybody caring. */
function choosable(template: Template | undefined): unknown {
  if (template === undefined) return undefined;
  const { labels, deletionTimestamp, uid } = template.metadata;
  const isReady = isConditionTrue(template.status?.conditions, 'Ready');
  return { uid, labels, deletionTimestamp, isReady, sharing: template.spec.sharing };
}

class Reconciler {
  readonly #context: OperatorContext;
  readonly #hands: Hands;
  readonly #writer: StatusWriter<ServiceDeployment>;
  readonly #differences = new Differences();
  /** By key of the task, the names that others were found to have. */
  readonly #taken = new Map<string, readonly string[]>();
  /** By key of the task, what the API server last refused. */
  readonly #refusals = new Map<string, string>();

  constructor(context: OperatorContext, hands: Hands, writer: StatusWriter<ServiceDeployment>) {
    this.#context = context;
    this.#hands = hands;
    this.#writer = writer;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches } = this.#context;
    const cached = caches.deployments.get(key);
    if (cached === undefined) {
      this.#writer.forget(key);
      this.#taken.delete(key);
      this.#refusals.delete(key);
      this.#hands.expectations.forget(key);
      return done;
    }
    if (cached.metadata.deletionTimestamp !== undefined) return done;
    const deployment = this.#writer.latest(cached);
    const taken = this.#taken.get(key) ?? [];
    const found = survey({
      deployment,
      appliances: caches.appliances.byIndex(
        BY_OWNER,
        ownerKey(deployment.metadata.namespace, uidOf(deployment)),
      ),
      templates: caches.templates.list(),
      flux: this.#hands.flux,
      differences: this.#differences,
      taken,
    });
    // First, so that the chosen templates stand in the status before anything is made of them: a crash must not lead to
    // another choice, and so to appliances made anew.
    const written = await this.#write(deployment, found, signal);
    if (!this.#hands.expectations.satisfied(key))
      return soonest([written, waitFor('its creations to be seen', CREATION_LIFE_MS)]);
    try {
      const acted = await this.#act(deployment, found, taken, signal);
      this.#refusals.delete(key);
      return soonest([written, acted]);
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.#refusals.set(key, error.message);
      await this.#write(this.#writer.latest(deployment), found, signal);
      throw error;
    }
  }

  async #act(
    deployment: ServiceDeployment,
    { plan }: Survey,
    taken: readonly string[],
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const key = keyOf(deployment);
    const takenNow = await carryOut(this.#hands, deployment, plan, signal);
    this.#taken.set(key, takenNow);
    if (!isSameJson(taken, takenNow)) return requeueAfter(0);
    return takenNow.length === 0 ? done : waitFor('names to be free', CONFLICT_RECHECK_MS);
  }

  async #write(
    deployment: ServiceDeployment,
    { services, leftovers }: Survey,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { clock, recorder, times, views } = this.#context;
    const appliances = [...services.flatMap((service) => service.appliances), ...leftovers];
    const prediction = predictionOf({
      deployment,
      appliances,
      isComplete: isComplete({ services, leftovers }),
      times,
      concurrencyOf: (host) => views.get(host)?.status?.queue.concurrency,
      now: clock.now(),
    });
    const refusal = this.#refusals.get(keyOf(deployment));
    const next = statusOf({ deployment, services, leftovers, prediction, refusal, now: clock.now() });
    const urgency = urgencyOf(deployment.status, next);
    const { isWritten, result } = await this.#writer.write(deployment, next, urgency, signal);
    const occurrence = isWritten ? occurrenceOf(deployment, next) : undefined;
    if (occurrence !== undefined) recorder.record(deployment, occurrence);
    return result;
  }
}

/** The Event that a new status is worth: that the task is carried out, or that something is in the way. */
function occurrenceOf(
  { status: old }: ServiceDeployment,
  next: NonNullable<ServiceDeployment['status']>,
): Occurrence | undefined {
  const before = findCondition(old?.conditions, 'Ready');
  const now = findCondition(next.conditions, 'Ready');
  if (now === undefined || (before?.status === now.status && before.reason === now.reason)) return undefined;
  const { reason, message } = now;
  if (now.status === 'True') return { type: 'Normal', reason, message };
  return reason === 'Deploying' || reason === 'Recalling' ? undefined : { type: 'Warning', reason, message };
}
