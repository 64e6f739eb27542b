import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { guestTypeOf } from '../../src/domain/guest-type.ts';
import { placeBatch } from '../../src/domain/placement/batch.ts';
import type { WholeTemplate } from '../../src/domain/templates/inherit.ts';
import { isSharedWith } from '../../src/domain/templates/sharing.ts';
import type { LayerStatus } from '../../src/host/protocol.ts';
import { isRefused } from '../../src/kube/api-error.ts';
import { done, type ReconcileResult, requeueAfter, waitFor } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { placementHost } from '../daemons/placement-host.ts';
import { directoriesWith, isShared } from '../daemons/shared-directories.ts';
import { BY_HOST, BY_PENDING, BY_UID, PENDING } from '../indexes.ts';
import { amountObstacle, boundAppliances, isPending, neededForVm, uidOf } from '../objects/appliance.ts';
import { identitiesOf, layersOf } from '../objects/template-files.ts';
import { templateKeyOf, wholeTemplateOf } from '../objects/template-references.ts';
import { placementMessages } from '../obstacles/placement.ts';
import { REASON } from '../obstacles/reasons.ts';
import { inParallel } from '../parallel.ts';
import { mapSettingAside } from '../set-aside.ts';
import { type ControllerDefinition, changesOf, viewsSource } from '../sources.ts';
import { warning } from '../status/occurrence.ts';
import { AssumedBindings } from './assumed.ts';
import { bind } from './bind.ts';
import {
  type Decision,
  decisionsOf,
  type PlacedDecision,
  type RefusedDecision,
  refusalOf,
} from './decisions.ts';
import { inOrderOfArrival, placementRequest, type TemplateFacts, wholeBytes } from './snapshot.ts';

/** There is one key: a pass places all appliances that wait, so that a burst of them is one batch. */
const PASS = 'pass';
/** After a start, how long placement waits for hosts that are not connected yet before it chooses others. */
const CONNECT_TIMEOUT_MS = 3000;
/** How often the explanation of a refusal is renewed while an appliance waits: its numbers change with every measurement. */
const EXPLAIN_INTERVAL_MS = 10_000;
const BIND_WIDTH = 16;

/**
 * Chooses hosts (SO-MVDS 4.2) for the appliances that have none, all of them in one pass over one snapshot, and binds each
 * by setting `spec.hostName` once. Watches appliances, hosts and the hosts' reports; whatever could make room starts a pass.
 */
export function createPlacementController(context: OperatorContext): ControllerDefinition {
  const { caches, views } = context;
  const memory: Memory = { assumed: new AssumedBindings(), explainedAt: new Map(), firstSeenAt: new Map() };
  return {
    name: 'placement',
    concurrency: 1,
    sources: [
      changesOf(caches.appliances, (old, current) => (changesRoom(old, current) ? [PASS] : [])),
      changesOf(caches.hosts, () => [PASS]),
      changesOf(caches.templates, (old, current) => (changesNeeds(old, current) ? [PASS] : [])),
      viewsSource(views, ({ kind }) => (kind === 'link' || kind === 'status' ? [PASS] : [])),
    ],
    reconcile: (_key, signal) => new Pass(context, memory).run(signal),
  };
}

/** Whether the change brings an appliance that waits, or frees resources of a host. */
function changesRoom(old: VirtualAppliance | undefined, current: VirtualAppliance | undefined): boolean {
  if (current === undefined || isPending(current)) return true;
  return old?.spec.hostName !== current.spec.hostName;
}

/** Whether appliances may have waited for the template, or need something else of a host now. */
function changesNeeds(old: Template | undefined, current: Template | undefined): boolean {
  return current !== undefined && old?.metadata.generation !== current.metadata.generation;
}

/**
 * What came of a binding: `outdated` when the appliance changed meanwhile and is placed again at once; `refused` when the API server
 * does not admit it, which its conditions say.
 */
type Binding = 'bound' | 'outdated' | 'refused';

/** What a pass remembers for the next one. */
interface Memory {
  readonly assumed: AssumedBindings;
  /** By uid, when a refusal was last explained. */
  readonly explainedAt: Map<string, number>;
  /** By name, when a host without a connection was first seen. */
  readonly firstSeenAt: Map<string, number>;
}

/** Places all appliances that wait, on one snapshot of all hosts. */
class Pass {
  readonly #context: OperatorContext;
  readonly #memory: Memory;

  constructor(context: OperatorContext, memory: Memory) {
    this.#context = context;
    this.#memory = memory;
  }

  async run(signal: AbortSignal): Promise<ReconcileResult> {
    const { assumed, explainedAt } = this.#memory;
    const { appliances } = this.#context.caches;
    const isWaiting = (uid: string) => appliances.byIndex(BY_UID, uid).some(isPending);
    assumed.settle(isWaiting);
    for (const uid of [...explainedAt.keys()]) if (!isWaiting(uid)) explainedAt.delete(uid);
    // One whose amounts are none can never be placed: its conditions say so.
    const pending = appliances
      .byIndex(BY_PENDING, PENDING)
      .filter((one) => !assumed.has(uidOf(one)) && amountObstacle(one) === undefined);
    const waiting = this.#withTemplates(inOrderOfArrival(pending));
    if (waiting.length === 0) return done;
    if (this.#isConnecting()) return waitFor('the hosts to be connected to', CONNECT_TIMEOUT_MS);
    const decisions = this.#decide(waiting);
    const outcomes = await this.#carryOut(decisions, signal);
    if (outcomes.has('outdated')) return requeueAfter(50);
    if (outcomes.has('refused')) return waitFor('the API server to take a binding', EXPLAIN_INTERVAL_MS);
    return this.#explainLater(decisions);
  }

  /** Algorithms 1 and 2; measures Tc, the time to compute what is used, and Ts, the time to choose. */
  #decide(waiting: readonly VirtualAppliance[]): readonly Decision[] {
    const { caches, clock, log, times, views } = this.#context;
    const startedAt = clock.monotonic();
    const assumed = this.#memory.assumed.byHost();
    const snapshot = mapSettingAside(caches.hosts.list(), log, (host) => {
      const { name } = host.metadata;
      const promised = [
        ...boundAppliances(caches.appliances.byIndex(BY_HOST, name)),
        ...(assumed.get(name) ?? []),
      ];
      return placementHost(host, views.get(name), promised);
    });
    const hosts = snapshot.map(({ result }) => result);
    const computedAt = clock.monotonic();
    const copies = memoizedByKey((layer) => views.list().flatMap((view) => view.layers.get(layer) ?? []));
    const able = mapSettingAside(waiting, log, (appliance) =>
      placementRequest(appliance, this.#templateFacts(appliance, copies)),
    );
    const requests = able.map(({ result }) => result);
    const placements = placeBatch(hosts, requests);
    times.recordPlacement({
      tcSeconds: (computedAt - startedAt) / 1000,
      tsSeconds: (clock.monotonic() - computedAt) / 1000,
    });
    return decisionsOf(
      hosts,
      able.map(({ object }) => object),
      requests,
      placements,
    );
  }

  /** Those whose template is there: what others need of a host is not known. Their conditions say so. */
  #withTemplates(pending: readonly VirtualAppliance[]): VirtualAppliance[] {
    const known = mapSettingAside(pending, this.#context.log, (one) => this.#templateOf(one) !== undefined);
    return known.flatMap(({ object, result }) => (result ? [object] : []));
  }

  /** The template that it names, as its parents complete it; undefined while there is none that it may use. */
  #templateOf(appliance: VirtualAppliance): WholeTemplate | undefined {
    const { templates } = this.#context.caches;
    const found = templates.get(templateKeyOf(appliance));
    if (found === undefined || !isSharedWith(found, appliance.metadata.namespace)) return undefined;
    return wholeTemplateOf(found, (key) => templates.get(key));
  }

  /** @param copiesOf what the hosts say of a layer */
  #templateFacts(
    appliance: VirtualAppliance,
    copiesOf: (identity: string) => readonly LayerStatus[],
  ): TemplateFacts {
    const template = this.#templateOf(appliance);
    if (template === undefined) return {};
    const { boot, xen } = template.spec.guest;
    const guestType = guestTypeOf(boot !== undefined, xen);
    const copies = copiesOf(template.status?.layers?.disk ?? '');
    const boots = copies.map(({ firmware }) => firmware).find((each) => each !== undefined);
    const shared = isShared(template)
      ? { sharedDirectories: directoriesWith(identitiesOf(layersOf(template)), this.#context.views.list()) }
      : {};
    const facts = { guestType, needed: neededForVm(appliance, template, boots), ...shared };
    if (appliance.spec.disk.mode !== 'Clone') return facts;
    return { ...facts, storedBytes: wholeBytes(template.status?.layers?.disk, copiesOf) };
  }

  /** Explains the refusals and writes the bindings. @returns what came of the bindings */
  async #carryOut(decisions: readonly Decision[], signal: AbortSignal): Promise<ReadonlySet<Binding>> {
    const bindings = decisions.filter((decision) => decision.type === 'placed');
    for (const decision of decisions) if (decision.type === 'refused') this.#refuse(decision);
    const outcomes = new Set<Binding>();
    for (const { appliance, host } of bindings) {
      for (const bound of boundAppliances([appliance])) this.#memory.assumed.assume({ ...bound, host });
    }
    await inParallel(bindings, BIND_WIDTH, async (binding) => {
      outcomes.add(await this.#bind(binding, signal));
    });
    return outcomes;
  }

  async #bind({ appliance, host, explanation }: PlacedDecision, signal: AbortSignal): Promise<Binding> {
    const { client, clock, outcomes } = this.#context;
    const uid = uidOf(appliance);
    let isBound = false;
    try {
      isBound = await bind(client, appliance, host, signal);
    } catch (error) {
      if (!isRefused(error)) throw error;
      const refusal = { ...placementMessages.bindingRefused(host, error.message), reasons: [] };
      outcomes.set(keyOf(appliance), uid, { type: 'refused', refusal });
      return 'refused';
    } finally {
      if (!isBound) this.#memory.assumed.forget(uid);
    }
    if (!isBound) return 'outdated';
    const placedTime = new Date(clock.now()).toISOString();
    outcomes.set(keyOf(appliance), uid, { type: 'placed', choice: { ...explanation, placedTime } });
    return 'bound';
  }

  #refuse({ appliance, unplaced }: RefusedDecision): void {
    const { clock, outcomes, recorder } = this.#context;
    const uid = uidOf(appliance);
    const explainedAt = this.#memory.explainedAt.get(uid);
    if (explainedAt !== undefined && clock.monotonic() - explainedAt < EXPLAIN_INTERVAL_MS) return;
    this.#memory.explainedAt.set(uid, clock.monotonic());
    const refusal = refusalOf(unplaced);
    const before = outcomes.get(uid);
    if (before?.type === 'refused' && before.refusal.message === refusal.message) return;
    outcomes.set(keyOf(appliance), uid, { type: 'refused', refusal });
    if (before?.type === 'refused') return;
    // Hosts report ports in use, too: the Event of that reason follows from the condition.
    if (refusal.reason !== REASON.PortInUse) recorder.record(appliance, warning(refusal));
  }

  /** Renews the explanations of appliances that still wait; whatever could make room starts a pass anyway. */
  #explainLater(decisions: readonly Decision[]): ReconcileResult {
    if (decisions.every(({ type }) => type === 'placed')) return done;
    return waitFor('a host with room', EXPLAIN_INTERVAL_MS);
  }

  /** Whether the first report of a host may come any moment. */
  #isConnecting(): boolean {
    const { caches, clock, views } = this.#context;
    const { firstSeenAt } = this.#memory;
    const now = clock.monotonic();
    for (const name of [...firstSeenAt.keys()])
      if (caches.hosts.get(name) === undefined) firstSeenAt.delete(name);
    return caches.hosts.list().some(({ metadata: { name } }) => {
      const link = views.get(name)?.link;
      if (link !== undefined && link.state !== 'connecting') {
        firstSeenAt.delete(name);
        return false;
      }
      const since = link?.since ?? firstSeenAt.get(name) ?? now;
      firstSeenAt.set(name, since);
      return now - since < CONNECT_TIMEOUT_MS;
    });
  }
}

/** Asks once for each key: a batch has many appliances of one template, and there are many hosts. */
function memoizedByKey<T>(ask: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const value = known.get(key) ?? ask(key);
    known.set(key, value);
    return value;
  };
}
