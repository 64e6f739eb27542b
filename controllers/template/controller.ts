import { TEMPLATES, type Template } from '../../src/api/kinds.ts';
import { FINALIZER_TEMPLATE } from '../../src/api/labels.ts';
import { keyOf } from '../../src/api/object.ts';
import { addFinalizer, removeFinalizer } from '../../src/kube/client/finalizer.ts';
import { StalledError, TransientError } from '../../src/kube/controller/errors.ts';
import { done, type ReconcileResult, soonest, waitFor } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { putLayer } from '../daemons/put-layer.ts';
import { Puts } from '../daemons/put-ledger.ts';
import { acceptsAppliances } from '../daemons/readiness.ts';
import { BY_DIGEST, BY_PARENT, BY_TEMPLATE } from '../indexes.ts';
import { layersOf } from '../objects/template-layers.ts';
import { parentKey, templateKeyOf } from '../objects/template-references.ts';
import { type ControllerDefinition, changesOf, viewsSource } from '../sources.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { copiesOf, hostsToCopyTo } from './copies.ts';
import { standpointOf } from './position.ts';
import { release } from './release.ts';
import { occurrenceOf, statusOf, urgencyOf } from './status.ts';

/** A look at a template goes over all of its appliances: while many come and go, their changes are gathered for one look. */
const GATHER_MS = 500;
/** A deleted template that waits is looked at again so often, should a host's word have got lost. */
const RELEASE_RECHECK_MS = 10_000;

/**
 * Says of each template whether appliances can be grown from it, has it copied to as many hosts as it asks for, and, when it is
 * deleted, lets it go only after nobody stands on it and the hosts have taken its files away.
 */
export function createTemplateController(context: OperatorContext): ControllerDefinition {
  const { caches, clock, timings, views } = context;
  const debounces = { soon: timings.templateStatus };
  const writer = new StatusWriter({ applier: context.applier, ref: TEMPLATES, clock, debounces });
  const reconciler = new Reconciler(context, writer);
  const keysOf = (index: string, value: string) =>
    caches.templates.byIndex(index, value).map((one) => keyOf(one));
  const all = () => caches.templates.list().map((one) => keyOf(one));
  return {
    name: 'template',
    concurrency: 8,
    sources: [
      changesOf(caches.templates, (old, current) => {
        const changed = current ?? old;
        if (changed === undefined) return [];
        // Its children wait for it, its parent waits until it is gone.
        const key = keyOf(changed);
        return [key, ...keysOf(BY_PARENT, key), ...(current === undefined ? parents(changed) : [])];
      }),
      changesOf(
        caches.appliances,
        (old, current) => {
          const appliance = current ?? old;
          return appliance === undefined || (old !== undefined && current !== undefined)
            ? []
            : [templateKeyOf(appliance)];
        },
        () => GATHER_MS,
      ),
      changesOf(caches.hosts, (old, current) => (old === undefined || current === undefined ? all() : [])),
      viewsSource(
        views,
        ({ kind, ids }) => {
          if (kind === 'layer') return ids.flatMap((digest) => keysOf(BY_DIGEST, digest));
          return kind === 'link' ? all() : [];
        },
        GATHER_MS,
      ),
    ],
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
  };
}

function parents(template: Template): string[] {
  const parent = parentKey(template);
  return parent === null ? [] : [parent];
}

class Reconciler {
  readonly #context: OperatorContext;
  readonly #writer: StatusWriter<Template>;
  readonly #puts = new Puts();

  constructor(context: OperatorContext, writer: StatusWriter<Template>) {
    this.#context = context;
    this.#writer = writer;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { caches, client } = this.#context;
    const cached = caches.templates.get(key);
    if (cached === undefined) {
      this.#writer.forget(key);
      this.#context.times.forgetTemplate(key);
      return done;
    }
    const found = this.#writer.latest(cached);
    if (found.metadata.deletionTimestamp !== undefined) return await this.#release(found, signal);
    const template = await addFinalizer(client, TEMPLATES, found, FINALIZER_TEMPLATE);
    const standpoint = standpointOf(template, (parent) => caches.templates.get(parent));
    const copying = 'depth' in standpoint ? await this.#copy(template, signal) : undefined;
    const result = await this.#write(template, undefined, signal);
    if (copying !== undefined) throw copying;
    return result;
  }

  /**
   * Has it copied to as many hosts as it asks for. One that refuses keeps it from no other; the first refusal is returned, to be
   * dealt with after the status is written.
   */
  async #copy(template: Template, signal: AbortSignal): Promise<TransientError | StalledError | undefined> {
    const { links, views } = this.#context;
    const { disk, boot } = layersOf(template);
    let failure: TransientError | StalledError | undefined;
    for (const view of hostsToCopyTo(template, views.list().filter(acceptsAppliances))) {
      const daemon = links.client(view.name);
      if (daemon === undefined) continue;
      try {
        for (const layer of [disk, ...boot]) await putLayer(daemon, view, this.#puts, layer, signal);
      } catch (error) {
        if (!(error instanceof TransientError || error instanceof StalledError)) throw error;
        failure ??= error;
      }
    }
    return failure;
  }

  async #release(template: Template, signal: AbortSignal): Promise<ReconcileResult> {
    const holdup = await release(this.#context, template, signal);
    if (holdup === undefined) {
      await removeFinalizer(this.#context.client, TEMPLATES, template, FINALIZER_TEMPLATE);
      return done;
    }
    const written = await this.#write(template, holdup, signal);
    return soonest([written, waitFor(holdup.message, RELEASE_RECHECK_MS)]);
  }

  async #write(
    template: Template,
    holdup: { readonly reason: string; readonly message: string } | undefined,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { caches, clock, recorder, views } = this.#context;
    const appliances = caches.appliances.byIndex(BY_TEMPLATE, keyOf(template));
    const times = appliances.flatMap(({ metadata }) => metadata.creationTimestamp ?? []);
    const next = statusOf({
      template,
      standpoint: standpointOf(template, (parent) => caches.templates.get(parent)),
      copies: copiesOf(template, views.list()),
      appliances: appliances.length,
      lastUsedTime: times.sort().at(-1),
      holdup,
      now: clock.now(),
    });
    const { isWritten, result } = await this.#writer.write(
      template,
      next,
      urgencyOf(template.status, next),
      signal,
    );
    const occurrence = isWritten ? occurrenceOf(template.status, next) : undefined;
    if (occurrence !== undefined) recorder.record(template, occurrence);
    return result;
  }
}
