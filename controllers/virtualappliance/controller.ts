import { type Template, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FINALIZER_APPLIANCE } from '../../src/api/labels.ts';
import { keyOf } from '../../src/api/object.ts';
import { isSameJson } from '../../src/base/equality.ts';
import type { ApplianceStatus, Problem } from '../../src/host/protocol.ts';
import { addFinalizer } from '../../src/kube/client/finalizer.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done, type ReconcileResult, waitFor } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { Puts } from '../daemons/put-ledger.ts';
import { isLost } from '../daemons/readiness.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_CONFIG_MAP, BY_HOST, BY_TEMPLATE, BY_UID } from '../indexes.ts';
import { uidOf } from '../objects/appliance.ts';
import { templateKeyOf } from '../objects/template-references.ts';
import { type ControllerDefinition, changesOf, memorySource, viewsSource } from '../sources.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { addressSources } from './address-sources.ts';
import { lostOccurrence, occurrenceOf } from './announce.ts';
import { lostProblem, type Obstacle } from './conditions.ts';
import { ExhaustedPools } from './exhausted-pools.ts';
import { type Pursuit, pursue } from './pursue.ts';
import { remove } from './remove.ts';
import { statusOf, urgencyOf } from './status.ts';

/**
 * A worker waits for hosts to answer most of its time: with few of them, some slow hosts would keep all others waiting. How
 * much goes to one host, or to the API server, at once is limited by their clients.
 */
const CONCURRENCY = 256;
/** An appliance's steps follow each other closely, each with a report of its own; one look serves several. */
const REPORTS_GATHER_MS = 100;
/** A host that is taking an appliance away is asked again so often, should its word that it did get lost. */
const REMOVAL_RECHECK_MS = 5000;

/**
 * Keeps each appliance on its host as its spec says: tells the host what to have, mirrors what it reports into the status, and
 * lets a deleted appliance go when the host has taken it away. Never does a host's work itself, never destroys what it did not
 * see deleted.
 */
export function createVirtualApplianceController(context: OperatorContext): ControllerDefinition {
  const { caches, clock, outcomes, timings, views } = context;
  const exhausted = new ExhaustedPools();
  const debounces = {
    shortly: timings.firstStatus,
    soon: timings.applianceStatus,
    later: timings.applianceSteps,
  };
  const writer = new StatusWriter({ applier: context.applier, ref: VIRTUAL_APPLIANCES, clock, debounces });
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
        const isNews = template !== undefined && !isSameJson(essence(old), essence(current));
        return isNews ? keysOf(BY_TEMPLATE, keyOf(template)) : [];
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
          // A layer that failed, or is there now, concerns all that wait for it on that host.
          return kind === 'link' || kind === 'layer' ? keysOf(BY_HOST, host) : [];
        },
        REPORTS_GATHER_MS,
      ),
    ],
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
  };
}

/** What appliances need to know of their template; its status, which counts them, is not of it. */
function essence(template: Template | undefined): unknown {
  if (template === undefined) return undefined;
  const { uid, generation, deletionTimestamp } = template.metadata;
  return { uid, generation, isGoing: deletionTimestamp !== undefined };
}

class Reconciler {
  readonly #context: OperatorContext;
  readonly #writer: StatusWriter<VirtualAppliance>;
  readonly #puts = new Puts();
  readonly #exhausted: ExhaustedPools;
  /** By key: what to forget when the object is gone. */
  readonly #known = new Map<string, VirtualAppliance>();
  /** By uid, those of which it was told that their host has them no more, until it has them again. */
  readonly #missed = new Set<string>();

  constructor(context: OperatorContext, writer: StatusWriter<VirtualAppliance>, exhausted: ExhaustedPools) {
    this.#context = context;
    this.#writer = writer;
    this.#exhausted = exhausted;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const cached = this.#context.caches.appliances.get(key);
    if (cached === undefined) return this.#forget(key);
    this.#context.outcomes.forgetTold(uidOf(cached), cached.status?.placement?.placedTime);
    const found = this.#writer.latest(cached);
    if (this.#known.get(key)?.metadata.uid !== found.metadata.uid) this.#forgetKnown(key);
    this.#known.set(key, found);
    if (found.metadata.deletionTimestamp !== undefined) return await this.#remove(found, signal);
    const { client } = this.#context;
    const appliance = await addFinalizer(client, VIRTUAL_APPLIANCES, found, FINALIZER_APPLIANCE);
    const { hostName } = appliance.spec;
    if (hostName === undefined) return await this.#write(appliance, { signal });
    const view = this.#context.views.get(hostName);
    this.#noticeLoss(appliance, view);
    const memory = { puts: this.#puts, exhausted: this.#exhausted };
    return await this.#report(await pursue(this.#context, appliance, view, memory, signal), signal);
  }

  async #report({ appliance, obstacle, error }: Pursuit, signal: AbortSignal): Promise<ReconcileResult> {
    const { clock, timings, times, views } = this.#context;
    const hostName = appliance.spec.hostName ?? '';
    const view = views.get(hostName);
    const report = view?.appliances.get(uidOf(appliance));
    const hostLost = isLost(view, clock.monotonic(), timings.hostGraceMs)
      ? lostProblem(appliance)
      : undefined;
    const isSilent = obstacle === undefined && hostLost === undefined && view?.link.state !== 'connected';
    // Nothing is known at the moment, and what is in the status may well still hold.
    if (isSilent && appliance.status?.conditions !== undefined)
      return waitFor(`host ${hostName} to answer`, timings.hostGraceMs);
    if (report !== undefined) times.recordAppliance(report, templateKeyOf(appliance), hostName);
    const isMissing = view?.link.state === 'connected' && report === undefined;
    const result = await this.#write(appliance, { report, isMissing, obstacle, hostLost, signal });
    if (error !== undefined) throw error;
    return result;
  }

  async #remove(appliance: VirtualAppliance, signal: AbortSignal): Promise<ReconcileResult> {
    const removal = await remove(this.#context, appliance, signal);
    if (removal.type === 'gone') return done;
    const { obstacle } = removal;
    const report = this.#context.views.get(appliance.spec.hostName ?? '')?.appliances.get(uidOf(appliance));
    const written = await this.#write(appliance, { report, obstacle, signal });
    const recheck = waitFor(obstacle.message, REMOVAL_RECHECK_MS);
    return written.type === 'done' ? recheck : written;
  }

  /** Writes the status if it is worth it by now, and tells people what they should know of it. */
  async #write(
    appliance: VirtualAppliance,
    known: {
      readonly report?: ApplianceStatus | undefined;
      readonly isMissing?: boolean;
      readonly obstacle?: Obstacle | undefined;
      readonly hostLost?: Problem | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<ReconcileResult> {
    const { clock, outcomes, recorder } = this.#context;
    const { report, isMissing = false, obstacle, hostLost, signal } = known;
    const outcome = outcomes.get(uidOf(appliance));
    const facts = { appliance, report, isMissing, obstacle, hostLost, outcome };
    const next = statusOf({ ...facts, now: clock.now() });
    const { isWritten, result } = await this.#writer.write(
      appliance,
      next,
      urgencyOf(appliance, next),
      signal,
    );
    const occurrence = isWritten ? occurrenceOf(appliance.status, next) : undefined;
    if (occurrence !== undefined) recorder.record(appliance, occurrence);
    return result;
  }

  /** What was there before this operator started counts, too: a lost disk is never passed over in silence. */
  #noticeLoss(appliance: VirtualAppliance, view: HostView | undefined): void {
    const uuid = uidOf(appliance);
    if (view?.link.state !== 'connected') return;
    const ran = (appliance.status?.vm?.state ?? 'Absent') !== 'Absent';
    if (view.appliances.has(uuid)) this.#missed.delete(uuid);
    else if (ran && !this.#missed.has(uuid)) {
      this.#missed.add(uuid);
      this.#context.recorder.record(appliance, lostOccurrence(appliance));
    }
  }

  #forget(key: string): ReconcileResult {
    this.#writer.forget(key);
    this.#forgetKnown(key);
    return done;
  }

  /** Also when another object has taken the name before the first one's end was seen. */
  #forgetKnown(key: string): void {
    const appliance = this.#known.get(key);
    if (appliance === undefined) return;
    const uid = uidOf(appliance);
    const { hostName } = appliance.spec;
    this.#known.delete(key);
    this.#missed.delete(uid);
    this.#context.outcomes.forget(uid);
    this.#context.times.forget(uid);
    if (hostName !== undefined) this.#puts.forget(hostName, `appliance/${uid}`);
  }
}
