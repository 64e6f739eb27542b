import { CONDITION_READY, isConditionTrue } from '../../src/api/conditions.ts';
import {
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  type Template,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { controllerOf, type KubeObject, keyOf } from '../../src/base/object.ts';
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
import type { OperatorContext } from '../context.ts';
import { copiesOn } from '../daemons/layer-copies.ts';
import { BY_CONFIG_MAP, BY_LABEL, BY_OWNER, BY_TASK, ownerKey } from '../indexes.ts';
import { uidOf } from '../objects/appliance.ts';
import { isJudged, mayBeUsed } from '../objects/template-readiness.ts';
import { REASON } from '../obstacles/reasons.ts';
import type { TakenName } from '../obstacles/tasks.ts';
import { type ControllerDefinition, changesOf } from '../sources.ts';
import { byConditions } from '../status/occurrence.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { carryOut } from './carry-out.ts';
import type { Dependencies } from './dependencies.ts';
import { Differences } from './difference.ts';
import { predictionOf } from './prediction.ts';
import { ProgressTimes } from './progress.ts';
import { isRecalled } from './recall.ts';
import { imageSource, recallRecheckOf } from './recall-sources.ts';
import { fillReplicas } from './replicas.ts';
import { type Revision, Revisions, type TaskRevisions } from './revisions.ts';
import { isComplete, statusOf, TASK_EVENTS, urgencyOf } from './status.ts';
import { type Survey, survey } from './survey.ts';
import { UnobservedWrites } from './unobserved-writes.ts';

/** How long a creation may stay unseen by the watch before it is tried again; its name keeps it from happening twice. */
const CREATION_LIFE_MS = 10_000;
/**
 * A reconcile takes time for each appliance of the task, and each appliance changes several times while it is created. The more
 * there are, the more changes one reconcile handles; otherwise the cost would grow with their square.
 */
const GATHER_MS_PER_APPLIANCE = 0.1;
const LONGEST_GATHER_MS = 1000;
/** How often a name that an appliance outside the task has is tried again. */
const CONFLICT_RECHECK_MS = 30_000;

/**
 * Creates each appliance that a task declares once, changes the appliances when the task changes, and writes into its status where
 * the services answer. Watches tasks, their appliances, and the templates. The garbage collector deletes the appliances of a
 * deleted task by their owner references.
 */
export function createServiceDeploymentController(context: OperatorContext): ControllerDefinition {
  const { applier, caches, client, clock, recorder, timings } = context;
  const expectations = createExpectations(clock, CREATION_LIFE_MS);
  const dependencies = { client, expectations, recorder, unobserved: new UnobservedWrites() };
  const debounces = { soon: timings.deploymentStatus };
  const ref = SERVICE_DEPLOYMENTS;
  const writer = new StatusWriter({
    applier,
    ref,
    clock,
    debounces,
    recorder,
    events: byConditions(TASK_EVENTS),
  });
  const reconciler = new Reconciler(context, dependencies, writer);
  return {
    name: 'servicedeployment',
    concurrency: 8,
    sources: [
      sourceOf(caches.deployments, (deployment) => [keyOf(deployment)]),
      changesOf(
        caches.appliances,
        (old, current) => {
          observe(dependencies, old, current);
          return [...new Set([taskOf(old), taskOf(current)])].flatMap((key) => key ?? []);
        },
        (key) => gatherMs(caches.deployments.get(key)),
      ),
      sourceOf(caches.configMaps, (configMap) => [
        ...caches.deployments.byIndex(BY_CONFIG_MAP, keyOf(configMap)).map((one) => keyOf(one)),
        ...[taskOf(configMap)].flatMap((key) => key ?? []),
      ]),
      changesOf(caches.labels, (old, current) => {
        const label = current ?? old;
        const isSame = isSameJson(old?.spec, current?.spec);
        return label === undefined || isSame
          ? []
          : caches.deployments.byIndex(BY_LABEL, keyOf(label)).map((one) => keyOf(one));
      }),
      changesOf(caches.templates, (old, current) =>
        isSameJson(choosable(old), choosable(current))
          ? []
          : caches.deployments
              .list()
              .filter(mayAskFor(current ?? old))
              .map((one) => keyOf(one)),
      ),
      imageSource(caches, (key) => gatherMs(caches.deployments.get(key))),
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

/** The task that controls an appliance, or a copy of a ConfigMap. */
function taskOf(object: KubeObject | undefined): string | undefined {
  const owner = object === undefined ? undefined : controllerOf(object);
  if (owner?.kind !== SERVICE_DEPLOYMENTS.kind) return undefined;
  return keyOf({ namespace: object?.metadata.namespace, name: owner.name });
}

/** The cache shows the change: it is no longer an expected creation, nor an unobserved write. */
function observe(
  { expectations, unobserved }: Dependencies,
  old: VirtualAppliance | undefined,
  current: VirtualAppliance | undefined,
): void {
  const task = taskOf(current);
  if (current !== undefined && task !== undefined) expectations.creationObserved(task, current.metadata.name);
  if (current === undefined && old !== undefined) unobserved.forget(old);
}

/** What a choice among templates depends on: no other change of a template concerns tasks. */
function choosable(template: Template | undefined): unknown {
  if (template === undefined) return undefined;
  const { labels, deletionTimestamp, uid } = template.metadata;
  const readiness = [mayBeUsed(template), isJudged(template)];
  return { uid, labels, deletionTimestamp, readiness, sharing: template.spec.sharing };
}

/** An image of a recalled service concerns those alone that name it or its series; its own task looks at all its images. */
function mayAskFor(template: Template | undefined): (task: ServiceDeployment) => boolean {
  if (template?.spec.recalled === undefined) return () => true;
  const { name, namespace } = template.metadata;
  const { series } = template.spec;
  return ({ metadata, spec }) =>
    metadata.namespace === namespace &&
    spec.services.some(({ template: asked }) => asked.name === name || asked.series === series);
}

/** Of what no event tells when it is over: that the API server refuses a request. A ConfigMap that appears has an event. */
function recheckOf(revisions: TaskRevisions): ReconcileResult[] {
  const isRefused = (revision: Revision) =>
    'obstacle' in revision && revision.obstacle.reason !== REASON.ConfigMapNotFound;
  return [...revisions.values()].some(isRefused) ? [waitFor('its files', CONFLICT_RECHECK_MS)] : [];
}

class Reconciler {
  readonly #context: OperatorContext;
  readonly #dependencies: Dependencies;
  readonly #writer: StatusWriter<ServiceDeployment>;
  readonly #differences = new Differences();
  readonly #revisions: Revisions;
  /** By key of the task, the names that appliances outside the task have. */
  readonly #taken = new Map<string, readonly TakenName[]>();
  readonly #progress: ProgressTimes;
  /** By key of the task, the API server's last refusal. */
  readonly #refusals = new Map<string, string>();

  constructor(context: OperatorContext, dependencies: Dependencies, writer: StatusWriter<ServiceDeployment>) {
    this.#context = context;
    this.#dependencies = dependencies;
    this.#writer = writer;
    this.#progress = new ProgressTimes(context.clock);
    this.#revisions = new Revisions({ client: context.client, configMaps: context.caches.configMaps });
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches } = this.#context;
    const cached = caches.deployments.get(key);
    if (cached === undefined) {
      this.#writer.forget(key);
      this.#progress.forget(key);
      this.#taken.delete(key);
      this.#refusals.delete(key);
      this.#dependencies.expectations.forget(key);
      return done;
    }
    const isGoing = cached.metadata.deletionTimestamp !== undefined;
    const known = this.#writer.latest(cached);
    const deployment = isGoing ? known : await fillReplicas(this.#context.client, known, signal);
    const taken = this.#taken.get(key) ?? [];
    const isDeleting = deployment.metadata.deletionTimestamp !== undefined;
    const isDeployed =
      !isDeleting && deployment.spec.services.some((service) => !isRecalled(deployment, service));
    const revisions: TaskRevisions = isDeployed ? await this.#revisions.of(deployment, signal) : new Map();
    const appliances = caches.appliances.byIndex(
      BY_OWNER,
      ownerKey(deployment.metadata.namespace, uidOf(deployment)),
    );
    const found = survey({
      deployment,
      appliances,
      templates: caches.templates.list(),
      labels: caches.labels.list(),
      images: caches.templates.byIndex(BY_TASK, keyOf(deployment)),
      templateOf: (template) => caches.templates.get(template),
      copiesOf: (template) => copiesOn(this.#context.views.list(), template),
      unobserved: this.#dependencies.unobserved,
      differences: this.#differences,
      revisions,
      taken,
    });
    // The status comes first: the chosen templates must be stored before appliances are created from them. Otherwise a crash
    // could lead to another choice, which would replace those appliances.
    const written = await this.#write(deployment, found, signal);
    // The garbage collector removes the appliances of a deleted task.
    if (isDeleting) return written;
    if (!this.#dependencies.expectations.satisfied(key))
      return soonest([written, waitFor('its creations to be seen', CREATION_LIFE_MS)]);
    try {
      const acted = await this.#act(deployment, found, taken, signal);
      this.#refusals.delete(key);
      await this.#forgetRevisions(deployment, appliances, revisions, signal);
      return soonest([written, acted, ...recheckOf(revisions), ...recallRecheckOf(found.services)]);
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
    taken: readonly TakenName[],
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const key = keyOf(deployment);
    const takenNow = await carryOut(this.#dependencies, deployment, plan, signal);
    this.#taken.set(key, takenNow);
    if (!isSameJson(taken, takenNow)) return requeueAfter(0);
    return takenNow.length === 0 ? done : waitFor('names to be free', CONFLICT_RECHECK_MS);
  }

  /** The contents that no appliance has, and none shall get. What the cache does not show yet may be in use. */
  async #forgetRevisions(
    deployment: ServiceDeployment,
    appliances: readonly VirtualAppliance[],
    revisions: TaskRevisions,
    signal: AbortSignal,
  ): Promise<void> {
    if (appliances.some((appliance) => this.#dependencies.unobserved.has(appliance))) return;
    const used = appliances.flatMap(({ spec }) => spec.package?.configMap?.revision ?? []);
    const wanted = [...revisions.values()].flatMap(({ name }) => name ?? []);
    await this.#revisions.deleteOthers(deployment, new Set([...used, ...wanted]), signal);
  }

  async #write(
    deployment: ServiceDeployment,
    { services, leftovers }: Survey,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { clock, times, views } = this.#context;
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
    const { lastProgressTime } = deployment.status ?? {};
    const silentMs =
      lastProgressTime === undefined ? 0 : this.#progress.since(keyOf(deployment), lastProgressTime);
    const facts = { deployment, services, leftovers, prediction, refusal, silentMs, now: clock.now() };
    const next = statusOf(facts);
    const written = await this.#writer.write(deployment, next, urgencyOf(deployment.status, next), signal);
    const leftMs = deployment.spec.progressDeadlineSeconds * 1000 - silentMs;
    const isSettled = isConditionTrue(next.conditions, CONDITION_READY) || leftMs <= 0;
    return isSettled ? written : soonest([written, requeueAfter(leftMs)]);
  }
}
