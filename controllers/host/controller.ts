import { CONDITION_READY, findCondition } from '../../src/api/conditions.ts';
import { HOSTS, type Host } from '../../src/api/kinds.ts';
import { FINALIZER_HOST } from '../../src/api/labels.ts';
import { keyOf } from '../../src/base/object.ts';
import { addFinalizer, removeFinalizer } from '../../src/kube/client/finalizer.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done, type ReconcileResult, requeueAfter, soonest } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { graceLeft, type Readiness, readinessOf } from '../daemons/readiness.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_HOST, BY_UID } from '../indexes.ts';
import { boundAppliances } from '../objects/appliance.ts';
import { heldObstacle, isHeld } from '../obstacles/deletions.ts';
import { hostObstacles } from '../obstacles/hosts.ts';
import { REASON } from '../obstacles/reasons.ts';
import { type ControllerDefinition, changesOf, viewsSource } from '../sources.ts';
import { byConditions } from '../status/occurrence.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { HOST_EVENTS, statusOf, urgencyOf } from './status.ts';

/**
 * Connects to each host's daemon, follows its reports, and writes the state of the host into the Host's status. A deleted Host
 * waits for its appliances: only the host itself can delete their VMs.
 */
export function createHostController(context: OperatorContext): ControllerDefinition {
  const { applier, caches, clock, recorder, timings, views } = context;
  const debounces = { soon: timings.hostStatus, later: timings.hostMeasurements };
  const writer = new StatusWriter({
    applier,
    ref: HOSTS,
    clock,
    debounces,
    recorder,
    events: byConditions(HOST_EVENTS),
  });
  const reconciler = new Reconciler(context, writer);
  return {
    name: 'host',
    concurrency: 8,
    sources: [
      sourceOf(caches.hosts, (host) => [keyOf(host)]),
      changesOf(caches.appliances, (old, current) => {
        const [before, now] = [old?.spec.hostName, current?.spec.hostName];
        if (old !== undefined && before === now && current !== undefined) return [];
        return [...new Set([before, now])].flatMap((host) => host ?? []);
      }),
      viewsSource(views, ({ host, kind, ids }) => {
        // The status counts only those appliances of the host that the API does not know.
        const isUnknown = (uuid: string) => caches.appliances.byIndex(BY_UID, uuid).length === 0;
        return kind !== 'appliance' || ids.some(isUnknown) ? [host] : [];
      }),
    ],
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
  };
}

class Reconciler {
  readonly #context: OperatorContext;
  readonly #writer: StatusWriter<Host>;

  constructor(context: OperatorContext, writer: StatusWriter<Host>) {
    this.#context = context;
    this.#writer = writer;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches, client, links } = this.#context;
    const found = caches.hosts.get(name);
    if (found === undefined) {
      this.#writer.forget(name);
      await links.close(name);
      return done;
    }
    const bound = caches.appliances.byIndex(BY_HOST, name);
    if (found.metadata.deletionTimestamp !== undefined && bound.length === 0) {
      const left = await removeFinalizer(client, HOSTS, found, FINALIZER_HOST);
      return left === undefined || !isHeld(left) ? done : await this.#report(left, signal);
    }
    const host = await addFinalizer(client, HOSTS, found, FINALIZER_HOST);
    await links.open(name, host.spec.address);
    return await this.#report(this.#writer.latest(host), signal);
  }

  async #report(host: Host, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches, clock, timings, views } = this.#context;
    const { name } = host.metadata;
    const view = views.get(name);
    const bound = caches.appliances.byIndex(BY_HOST, name);
    // Both calls use one instant: if the grace period ended between two instants, neither call would notice.
    const instant = clock.monotonic();
    const readiness = this.#readiness(host, view, instant);
    const unclaimed = this.#unclaimed(view);
    const next = statusOf({
      host,
      view,
      readiness,
      bound: boundAppliances(bound),
      unclaimed,
      now: clock.now(),
    });
    const result = await this.#writer.write(host, next, urgencyOf(host.status, next), signal);
    const graceMs = view === undefined ? undefined : graceLeft(view, instant, timings.hostGraceMs);
    return graceMs === undefined ? result : soonest([result, requeueAfter(graceMs)]);
  }

  #readiness(host: Host, view: HostView | undefined, instant: number): Readiness {
    const { caches, timings } = this.#context;
    const { name, deletionTimestamp } = host.metadata;
    if (deletionTimestamp !== undefined) {
      const keys = caches.appliances.byIndex(BY_HOST, name).map((appliance) => keyOf(appliance));
      const { reason, message } = keys.length === 0 ? heldObstacle(host) : hostObstacles.inUse(keys);
      return { status: 'False', reason, message };
    }
    const known = findCondition(host.status?.conditions, CONDITION_READY);
    // A host that never worked gets no grace: whoever registered it needs to see at once what is wrong.
    const graceMs = known?.status === 'True' ? timings.hostGraceMs : 0;
    const readiness = readinessOf(name, view, instant, graceMs);
    // A restart of the operator says nothing about the host: its last condition stands until it was asked again.
    const isKnown =
      readiness.reason === REASON.Connecting && known !== undefined && known.reason !== REASON.InUse;
    return isKnown ? { status: known.status, reason: known.reason, message: known.message } : readiness;
  }

  /** Appliances of the daemon that the API does not know. Its list is reliable only while it is connected. */
  #unclaimed(view: HostView | undefined): string[] {
    if (view?.link.state !== 'connected') return [];
    const { appliances } = this.#context.caches;
    return [...view.appliances.values()]
      .filter(({ uuid }) => appliances.byIndex(BY_UID, uuid).length === 0)
      .map(({ namespace, name, uuid }) => `${namespace}/${name} (${uuid})`)
      .sort();
  }
}
