import { CONDITION_READY, findCondition } from '../../src/api/conditions.ts';
import { type Template, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FINALIZER_APPLIANCE } from '../../src/api/labels.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';
import { addFinalizer } from '../../src/kube/client/finalizer.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done, type ReconcileResult, soonest, waitFor } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { PutLedger } from '../daemons/put-ledger.ts';
import { isLost } from '../daemons/readiness.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_CONFIG_MAP, BY_HOST, BY_TEMPLATE, BY_UID } from '../indexes.ts';
import { amountObstacle, uidOf } from '../objects/appliance.ts';
import { templateKeyOf } from '../objects/template-references.ts';
import { applianceEvents, applianceObstacles } from '../obstacles/appliances.ts';
import { heldObstacle, isHeld } from '../obstacles/deletions.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { REASON } from '../obstacles/reasons.ts';
import { type ControllerDefinition, changesOf, memorySource, viewsSource } from '../sources.ts';
import { warning } from '../status/occurrence.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { addressSources } from './address-sources.ts';
import { applianceOccurrences } from './events.ts';
import { ExhaustedPools } from './exhausted-pools.ts';
import { runPhases } from './lifecycle.ts';
import { remove } from './remove.ts';
import type { PhaseResult, Scope } from './scope.ts';
import { statusOf, urgencyOf } from './status.ts';

/**
 * A worker spends most of its time waiting for hosts. With few workers, some slow hosts would delay all others. The clients limit
 * how many requests go to one host, or to the API server, at once.
 */
const CONCURRENCY = 256;
/** The steps of an appliance follow each other closely, each with a report: one reconcile handles several. */
const REPORTS_GATHER_MS = 100;
/** How often a host that is deleting an appliance is asked again, in case the event that says it is done was lost. */
const REMOVAL_RECHECK_MS = 5000;

const RECHECK_MS = 10_000;
/** What ends without an event: a VM waits for room to grow; user data is in a Secret, which the operator may not watch. */
const RECHECKED: ReadonlySet<string> = new Set([
  REASON.ResizePending,
  REASON.SecretNotFound,
  REASON.UserDataInvalid,
]);

/**
 * Keeps each appliance on its host as its spec says: sends the host what it should have, copies the host's reports into the status,
 * and removes the finalizer of a deleted appliance when the host has deleted its VM. It never does a host's work itself, and never
 * destroys a VM whose object was not deleted.
 */
export function createVirtualApplianceController(context: OperatorContext): ControllerDefinition {
  const { applier, caches, clock, outcomes, recorder, timings, views } = context;
  const exhausted = new ExhaustedPools();
  const debounces = {
    shortly: timings.firstStatus,
    soon: timings.applianceStatus,
    later: timings.applianceSteps,
  };
  const ref = VIRTUAL_APPLIANCES;
  const writer = new StatusWriter({ applier, ref, clock, debounces, recorder, events: applianceOccurrences });
  const reconciler = new Reconciler(context, writer, exhausted);
  const keysOf = (index: string, value: string) =>
    caches.appliances.byIndex(index, value).map((one) => keyOf(one));
  return {
    name: 'virtualappliance',
    concurrency: CONCURRENCY,
    sources: [
      sourceOf(caches.appliances, (appliance) => [keyOf(appliance)]),
      changesOf(caches.templates, (old, current) => {
        const template = current ?? old;
        const isRelevant = template !== undefined && !isSameJson(relevantPart(old), relevantPart(current));
        return isRelevant ? keysOf(BY_TEMPLATE, keyOf(template)) : [];
      }),
      sourceOf(caches.configMaps, (configMap) => keysOf(BY_CONFIG_MAP, keyOf(configMap))),
      changesOf(caches.hosts, (old, current) => {
        const host = old === undefined ? current : current === undefined ? old : undefined;
        return host === undefined ? [] : keysOf(BY_HOST, host.metadata.name);
      }),
      ...addressSources(context, exhausted),
      memorySource((add) => outcomes.subscribe(add)),
      viewsSource(
        views,
        ({ kind, host, ids }) => {
          if (kind === 'appliance') return ids.flatMap((uuid) => keysOf(BY_UID, uuid));
          // A layer that failed, or is ready, concerns all appliances of that host that wait for it.
          return kind === 'link' || kind === 'layer' ? keysOf(BY_HOST, host) : [];
        },
        REPORTS_GATHER_MS,
      ),
    ],
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
  };
}

/** The part of a template that its appliances depend on. Most of its status is not: it counts them, so it changes with each. */
function relevantPart(template: Template | undefined): unknown {
  if (template === undefined) return undefined;
  const { uid, generation, deletionTimestamp } = template.metadata;
  const { conditions, layers } = template.status ?? {};
  const { reason, message } = findCondition(conditions, CONDITION_READY) ?? {};
  const state = layers === undefined ? [reason, message] : layers;
  return { uid, generation, isDeleting: deletionTimestamp !== undefined, state };
}

/** What is known of an appliance through its host. */
interface HostKnowledge {
  readonly report: ApplianceStatus | undefined;
  /** Whether the host answers, and does not have it. */
  readonly isMissing: boolean;
  /** Whether the host does not answer at the moment. */
  readonly isSilent: boolean;
  /** Set when it has not answered for so long that nothing is known any more. */
  readonly hostLost: Obstacle | undefined;
}

class Reconciler {
  readonly #context: OperatorContext;
  readonly #writer: StatusWriter<VirtualAppliance>;
  readonly #ledger = new PutLedger();
  readonly #exhausted: ExhaustedPools;
  /** By key, the last object: what to forget once it is gone. */
  readonly #known = new Map<string, VirtualAppliance>();
  /** By uid, the appliances whose loss was reported, until their host has them again. */
  readonly #missed = new Set<string>();

  constructor(context: OperatorContext, writer: StatusWriter<VirtualAppliance>, exhausted: ExhaustedPools) {
    this.#context = context;
    this.#writer = writer;
    this.#exhausted = exhausted;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const cached = this.#context.caches.appliances.get(key);
    if (cached === undefined) return this.#forget(key);
    this.#context.outcomes.forgetWritten(uidOf(cached), cached.status?.placement?.placedTime);
    const found = this.#writer.latest(cached);
    if (this.#known.get(key)?.metadata.uid !== found.metadata.uid) this.#forgetKnown(key);
    this.#known.set(key, found);
    if (found.metadata.deletionTimestamp !== undefined) return await this.#remove(found, signal);
    const { client } = this.#context;
    const appliance = await addFinalizer(client, VIRTUAL_APPLIANCES, found, FINALIZER_APPLIANCE);
    const { hostName } = appliance.spec;
    if (hostName === undefined)
      return await this.#write(appliance, { obstacle: amountObstacle(appliance), signal });
    const view = this.#context.views.get(hostName);
    this.#noticeLoss(appliance, view);
    const scope: Scope = {
      context: this.#context,
      view,
      ledger: this.#ledger,
      exhausted: this.#exhausted,
      signal,
      appliance,
    };
    const result = await runPhases(scope);
    // An address that a phase assigned is in the appliance by now.
    return await this.#report(scope.appliance, result, signal);
  }

  async #report(
    appliance: VirtualAppliance,
    phase: PhaseResult,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { timings, times } = this.#context;
    const { hostName = '' } = appliance.spec;
    const obstacle = 'obstacle' in phase ? phase.obstacle : undefined;
    const known = this.#askView(appliance);
    const { report } = known;
    const isUncertain = known.isSilent && known.hostLost === undefined;
    // Nothing is known at the moment, and what the status says may well still be true.
    if (isUncertain && obstacle === undefined && appliance.status?.conditions !== undefined)
      return waitFor(`host ${hostName} to answer`, timings.hostGraceMs);
    if (report !== undefined) times.recordAppliance(report, templateKeyOf(appliance), hostName);
    const result = await this.#write(appliance, { ...known, obstacle, signal });
    if (phase.type === 'retry') throw phase.error;
    if (obstacle !== undefined && !obstacle.isStalled && RECHECKED.has(obstacle.reason))
      return soonest([result, waitFor(obstacle.message, RECHECK_MS)]);
    if (!isUncertain) return result;
    return soonest([result, waitFor(`host ${hostName} to answer`, timings.hostGraceMs)]);
  }

  /** What the appliance's host last reported about it, and what its silence means. */
  #askView(appliance: VirtualAppliance): HostKnowledge {
    const { caches, clock, timings, views } = this.#context;
    const { hostName = '', onHostFailure } = appliance.spec;
    const view = views.get(hostName);
    const report = view?.appliances.get(uidOf(appliance));
    const isSilent = view?.link.state !== 'connected';
    const isMissing = !isSilent && report === undefined;
    if (isLost(view, clock.monotonic(), timings.hostGraceMs))
      return { report, isMissing, isSilent, hostLost: applianceObstacles.hostLost(hostName, onHostFailure) };
    const ran = appliance.status?.vm !== undefined;
    const isUnregistered = hostName !== '' && caches.hosts.get(hostName) === undefined;
    const hostLost = ran && isUnregistered ? applianceObstacles.hostNotFound(hostName) : undefined;
    return { report, isMissing, isSilent, hostLost };
  }

  async #remove(appliance: VirtualAppliance, signal: AbortSignal): Promise<ReconcileResult> {
    const removal = await remove(this.#context, appliance, signal);
    if (removal.type === 'gone' && !isHeld(appliance)) return done;
    const obstacle = removal.type === 'gone' ? heldObstacle(appliance) : removal.obstacle;
    const written = await this.#write(appliance, { ...this.#askView(appliance), obstacle, signal });
    if (removal.type === 'gone') return written;
    const recheck = waitFor(obstacle.message, REMOVAL_RECHECK_MS);
    return written.type === 'done' ? recheck : written;
  }

  /** Writes the status, if the change is worth a write by now. */
  async #write(
    appliance: VirtualAppliance,
    known: Partial<HostKnowledge> & { readonly obstacle: Obstacle | undefined; readonly signal: AbortSignal },
  ): Promise<ReconcileResult> {
    const { clock, outcomes } = this.#context;
    const { report, isMissing = false, obstacle, hostLost, signal } = known;
    const outcome = outcomes.get(uidOf(appliance));
    const facts = { appliance, report, isMissing, obstacle, hostLost, outcome };
    const next = statusOf({ ...facts, now: clock.now() });
    return await this.#writer.write(appliance, next, urgencyOf(appliance, next), signal);
  }

  /** Reports a lost disk, also of an appliance that ran before this operator started. */
  #noticeLoss(appliance: VirtualAppliance, view: HostView | undefined): void {
    const uuid = uidOf(appliance);
    if (view?.link.state !== 'connected') return;
    const ran = (appliance.status?.vm?.state ?? 'Absent') !== 'Absent';
    if (view.appliances.has(uuid)) this.#missed.delete(uuid);
    else if (ran && !this.#missed.has(uuid)) {
      this.#missed.add(uuid);
      const { hostName } = appliance.spec;
      this.#context.recorder.record(appliance, warning(applianceEvents.missing(hostName)));
    }
  }

  #forget(key: string): ReconcileResult {
    this.#writer.forget(key);
    this.#forgetKnown(key);
    return done;
  }

  /** Also called when a new object has the name before the end of the old one was seen. */
  #forgetKnown(key: string): void {
    const appliance = this.#known.get(key);
    if (appliance === undefined) return;
    const uid = uidOf(appliance);
    const { hostName } = appliance.spec;
    this.#known.delete(key);
    this.#missed.delete(uid);
    this.#context.outcomes.forget(uid);
    this.#context.times.forget(uid);
    if (hostName !== undefined) this.#ledger.forget(hostName, `appliance/${uid}`);
  }
}
