import { TEMPLATES, type Template } from '../../src/api/kinds.ts';
import { FINALIZER_TEMPLATE } from '../../src/api/labels.ts';
import { keyOf } from '../../src/base/object.ts';
import { addFinalizer, removeFinalizer } from '../../src/kube/client/finalizer.ts';
import {
  done,
  type ReconcileResult,
  requeueAfter,
  soonest,
  waitFor,
} from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { isShared } from '../daemons/shared-directories.ts';
import { BY_TEMPLATE } from '../indexes.ts';
import { isJudged } from '../objects/template-readiness.ts';
import { wholeTemplateOf } from '../objects/template-references.ts';
import { heldObstacle, isHeld } from '../obstacles/deletions.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import type { ControllerDefinition } from '../sources.ts';
import { byConditions } from '../status/occurrence.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { type BuildProgress, progressOf } from './build.ts';
import { keepCheckpoints, removeCheckpoints } from './checkpoints.ts';
import { withChosenParent } from './choose-parent.ts';
import { canKeep, copiesOf } from './copies.ts';
import { dispose } from './dispose.ts';
import { importProgress } from './import-progress.ts';
import { type KnownHosts, knownLayers } from './known-layers.ts';
import { type Life, lifeOf } from './life.ts';
import { positionOf } from './position.ts';
import { Provider } from './provide.ts';
import { release } from './release.ts';
import { sealObstacle, withParent } from './seal.ts';
import { templateSources } from './sources.ts';
import { SpaceGiven } from './space.ts';
import { statusOf, TEMPLATE_EVENTS, urgencyOf } from './status.ts';
import { useOf } from './users.ts';
import { verificationOf, verify } from './verify.ts';

/** How often the progress of an import is looked at: hosts tell it too often for an event each. */
const PROGRESS_MS = 2_000;
/** How often a template that is to go, and waits, is checked again, in case an event was lost. */
const RELEASE_RECHECK_MS = 10_000;
/** How often it is looked whether hosts are still busy that should get a copy, and whether the file of a template was pushed. */
const COPY_LOOK_MS = 2_000;
const UPLOAD_LOOK_MS = 2_000;
const DIRECTORY_LOOK_MS = 5_000;
/** How often it is looked whether what a build waits for is there. */
const BUILD_LOOK_MS = 5_000;

/**
 * Writes into each template's status whether appliances can be created from it, and has it copied to as many hosts as it asks
 * for, or to one, which judges it. A template that was unused for its coolDown is deleted; a deleted one stays until nothing is based on
 * it and the hosts have deleted its files.
 */
export function createTemplateController(context: OperatorContext): ControllerDefinition {
  const { applier, clock, recorder, timings } = context;
  const debounces = { soon: timings.templateStatus };
  const events = byConditions(TEMPLATE_EVENTS);
  const writer = new StatusWriter({ applier, ref: TEMPLATES, clock, debounces, recorder, events });
  const reconciler = new Reconciler(context, writer);
  return {
    name: 'template',
    concurrency: 8,
    sources: templateSources(context),
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
  };
}

/** How far what is made of a template, or for it, is. */
interface Progress {
  readonly building?: BuildProgress | undefined;
  readonly checkpoints?: NonNullable<Template['status']>['checkpoints'];
}

function isOver(verification: NonNullable<Template['status']>['verification']): boolean {
  return verification === undefined || verification.running === 0;
}

/** A template that shares the layer of another one has it from now on. */
function withShared(template: Template, building: BuildProgress | undefined): Template {
  if (building?.shared === undefined) return template;
  const { status } = template;
  return { ...template, status: { ...status, layers: { ...status?.layers, disk: building.shared } } };
}

/** What a build waits for may come without an event: Secrets are not watched, and another template's build is that one's affair. */
function waitsForOthers(building: BuildProgress | undefined): boolean {
  return building?.status.state === 'Waiting' && building.status.appliance === undefined;
}

/** Another template's layers are that one's affair. */
function waitsForTemplate({ spec, status }: Template): boolean {
  return spec.source.flattened !== undefined && status?.layers?.disk === undefined;
}

class Reconciler {
  readonly #context: OperatorContext;
  readonly #writer: StatusWriter<Template>;
  readonly #provider: Provider;
  readonly #space = new SpaceGiven();
  readonly #startedAt: number;

  constructor(context: OperatorContext, writer: StatusWriter<Template>) {
    this.#context = context;
    this.#provider = new Provider(context);
    this.#writer = writer;
    this.#startedAt = context.clock.monotonic();
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
    const held = await addFinalizer(client, TEMPLATES, found, FINALIZER_TEMPLATE);
    const template = withChosenParent(withParent(held, caches), () => caches.templates.list());
    const position = positionOf(template, (parent) => caches.templates.get(parent));
    const isPlaced = 'depth' in position;
    const building = isPlaced ? await progressOf(this.#context, template, signal) : undefined;
    const known = withShared(template, building);
    const checkpoints = isJudged(known) ? await keepCheckpoints(this.#context, known, signal) : undefined;
    // Hosts may be slow to answer: the status does not wait for them.
    const progress = { building, checkpoints };
    const result = await this.#write(known, progress, signal);
    const { isDue } = this.#lifeOf(known);
    if (isDue && (await dispose(client, known, signal))) return result;
    const isLater = isPlaced && !(await this.#provide(known, progress, signal));
    await verify(known, this.#context, signal);
    const looks = [
      ...(isLater ? [COPY_LOOK_MS] : []),
      // Something uses it that the cache does not show yet.
      ...(isDue ? [RELEASE_RECHECK_MS] : []),
      ...(this.#waitsForUpload(known) ? [UPLOAD_LOOK_MS] : []),
      ...(this.#waitsForDirectory(known) ? [DIRECTORY_LOOK_MS] : []),
      ...(waitsForOthers(building) || waitsForTemplate(known) ? [BUILD_LOOK_MS] : []),
    ];
    return soonest([result, ...looks.map((ms) => requeueAfter(ms))]);
  }

  /** What a host has against making its layer is in its status as soon as it says so, and not longer. */
  async #provide(template: Template, progress: Progress, signal: AbortSignal): Promise<boolean> {
    const before = this.#provider.sealRefusalOf(template);
    try {
      return await this.#provider.provide(template, this.#known(), progress.building, signal);
    } finally {
      if (this.#provider.sealRefusalOf(template)?.reason !== before?.reason)
        await this.#write(template, progress, signal);
    }
  }

  /** What is pushed changes a host's status, which changes too often to look at each template for it. */
  #waitsForUpload(template: Template): boolean {
    return (
      template.spec.source.upload !== undefined &&
      copiesOf(template, this.#known().hosts).holding.length === 0
    );
  }

  /** A host that has a shared directory now tells that in its status, which changes too often to look at each template for it. */
  #waitsForDirectory(template: Template): boolean {
    return isShared(template) && copiesOf(template, this.#known().hosts).directories.length === 0;
  }

  async #release(template: Template, signal: AbortSignal): Promise<ReconcileResult> {
    this.#provider.forget(template);
    this.#space.note(this.#context, template);
    await removeCheckpoints(this.#context, template, signal);
    const blocker = await release(this.#context, template, signal);
    if (blocker === undefined) {
      const left = await removeFinalizer(this.#context.client, TEMPLATES, template, FINALIZER_TEMPLATE);
      this.#space.tell(this.#context, template);
      return left === undefined || !isHeld(left)
        ? done
        : await this.#write(left, { blocker: heldObstacle(left) }, signal);
    }
    const written = await this.#write(template, { blocker }, signal);
    return soonest([written, waitFor(blocker.message, RELEASE_RECHECK_MS)]);
  }

  async #write(
    template: Template,
    { blocker, building, checkpoints }: Progress & { readonly blocker?: Obstacle | undefined },
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { caches, clock, views } = this.#context;
    const { hosts, isPartial, untilChangeMs } = this.#known();
    const appliances = caches.appliances.byIndex(BY_TEMPLATE, keyOf(template));
    const times = appliances.flatMap(({ metadata }) => metadata.creationTimestamp ?? []);
    const copies = copiesOf(template, hosts);
    const life = this.#lifeOf(template);
    const next = statusOf({
      template,
      life,
      position: positionOf(template, (parent) => caches.templates.get(parent)),
      copies,
      progress: importProgress(template, hosts),
      guest: wholeTemplateOf(template, (key) => caches.templates.get(key)).spec.guest,
      building: building?.status,
      checkpoints,
      verification: verificationOf(template, this.#context),
      sealing:
        this.#provider.sealRefusalOf(template) ??
        (building === undefined ? sealObstacle(template, this.#context) : building.obstacle),
      isPartial,
      hasHosts: views.list().some((view) => canKeep(template, view)),
      appliances: appliances.length,
      lastUsedTime: times.sort().at(-1),
      blocker,
      now: clock.now(),
    });
    const result = await this.#writer.write(template, next, urgencyOf(template.status, next), signal);
    const again = [
      untilChangeMs,
      life.nextMs,
      next.import === undefined && isOver(next.verification) ? undefined : PROGRESS_MS,
    ].filter((ms) => ms !== undefined);
    return soonest([result, ...again.map((ms) => requeueAfter(ms))]);
  }

  #lifeOf(template: Template): Life {
    const { caches, clock } = this.#context;
    return lifeOf(template, useOf(template, caches), clock.now());
  }

  #known(): KnownHosts {
    const { caches, clock, timings, views } = this.#context;
    const patience = { now: clock.monotonic(), startedAt: this.#startedAt, graceMs: timings.hostGraceMs };
    return knownLayers(caches.hosts.list(), views, patience);
  }
}
