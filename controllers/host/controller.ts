import { findCondition } from '../../src/api/conditions.ts';
import { HOSTS, type Host } from '../../src/api/kinds.ts';
import { FINALIZER_HOST } from '../../src/api/labels.ts';
import { keyOf } from '../../src/api/object.ts';
import { addFinalizer, removeFinalizer } from '../../src/kube/client/finalizer.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done, type ReconcileResult, requeueAfter, soonest } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { graceLeft, type Readiness, readinessOf } from '../daemons/readiness.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_HOST, BY_UID } from '../indexes.ts';
import { boundAppliances } from '../objects/appliance.ts';
import { type ControllerDefinition, changesOf, viewsSource } from '../sources.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { occurrencesOf } from './announce.ts';
import { statusOf, urgencyOf } from './status.ts';

/**
 * Connects to each host's daemon, follows what it reports, and says in the Host's status how the host stands. Deleting a Host
 * waits for its appliances: only the host itself can take their VMs away.
 */
export function createHostController(context: OperatorContext): ControllerDefinition {
  const { caches, clock, timings, views } = context;
  const debounces = { soon: timings.hostStatus, later: timings.hostMeasurements };
  const writer = new StatusWriter({ applier: context.applier, ref: HOSTS, clock, debounces });
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
        // Of its appliances only those matter here that nobody claims.
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
      await removeFinalizer(client, HOSTS, found, FINALIZER_HOST);
      return done;
    }
    const host = await addFinalizer(client, HOSTS, found, FINALIZER_HOST);
    await links.open(name, host.spec.address);
    return await this.#report(this.#writer.latest(host), signal);
  }

  async #report(host: Host, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches, clock, timings, recorder, views } = this.#context;
    const { name } = host.metadata;
    const view = views.get(name);
    const bound = caches.appliances.byIndex(BY_HOST, name);
    // One instant for both questions: a grace that ended between them would be noticed by neither.
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
    const { isWritten, result } = await this.#writer.write(host, next, urgencyOf(host.status, next), signal);
    if (isWritten)
      for (const occurrence of occurrencesOf(host.status, next)) recorder.record(host, occurrence);
    const graceMs = view === undefined ? undefined : graceLeft(view, instant, timings.hostGraceMs);
    return graceMs === undefined ? result : soonest([result, requeueAfter(graceMs)]);
  }

  #readiness(host: Host, view: HostView | undefined, instant: number): Readiness {
    const { caches, timings } = this.#context;
    const { name, deletionTimestamp } = host.metadata;
    if (deletionTimestamp !== undefined) {
      const keys = caches.appliances.byIndex(BY_HOST, name).map((appliance) => keyOf(appliance));
      const message = `it is deleted when its ${keys.length} appliance(s) are: ${keys.slice(0, 10).join(', ')}; delete them first`;
      return { status: 'False', reason: 'InUse', message };
    }
    const known = findCondition(host.status?.conditions, 'Ready');
    // A host that never worked gets no grace: whoever registers it wants to know at once what is wrong.
    const graceMs = known?.status === 'True' ? timings.hostGraceMs : 0;
    const readiness = readinessOf(name, view, instant, graceMs);
    // A restart of the operator is nothing that happened to the host: until it was asked, its last word stands.
    const isKnown = readiness.reason === 'Connecting' && known !== undefined && known.reason !== 'InUse';
    return isKnown ? { status: known.status, reason: known.reason, message: known.message } : readiness;
  }

  /** Appliances of the daemon that the API does not know; its word counts only while it is connected. */
  #unclaimed(view: HostView | undefined): string[] {
    if (view?.link.state !== 'connected') return [];
    const { appliances } = this.#context.caches;
    return [...view.appliances.values()]
      .filter(({ uuid }) => appliances.byIndex(BY_UID, uuid).length === 0)
      .map(({ namespace, name, uuid }) => `${namespace}/${name} (${uuid})`)
      .sort();
  }
}
