import { TEMPLATES, type Template } from '../../src/api/kinds.ts';
import { FINALIZER_TEMPLATE } from '../../src/api/labels.ts';
import { isSameJson } from '../../src/base/equality.ts';
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
import { hostsInOrder, type RankedHost } from '../daemons/copy-hosts.ts';
import { putImport } from '../daemons/put-import.ts';
import { PutLedger } from '../daemons/put-ledger.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_DIGEST, BY_HOST, BY_LAYER, BY_PARENT, BY_SEALED, BY_TEMPLATE, BY_UID } from '../indexes.ts';
import { countsOf } from '../objects/template-copies.ts';
import {
  digestsOf,
  filesOf,
  type ImportFile,
  identitiesOf,
  withOtherSources,
} from '../objects/template-files.ts';
import { layersBelow } from '../objects/template-lineage.ts';
import { parentKey, templateKeyOf, wholeTemplateOf } from '../objects/template-references.ts';
import { heldObstacle, isHeld } from '../obstacles/deletions.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { type ControllerDefinition, changesOf, viewsSource } from '../sources.ts';
import { byConditions } from '../status/occurrence.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { type BuildProgress, progressOf } from './build.ts';
import { withChosenParent } from './choose-parent.ts';
import { type Copies, copiesOf, hostsToCopyTo, hostsToTell, hostToImport, takesFilesOf } from './copies.ts';
import { dispose } from './dispose.ts';
import { importProgress } from './import-progress.ts';
import { type KnownHosts, knownLayers } from './known-layers.ts';
import { type Life, lifeOf } from './life.ts';
import { positionOf } from './position.ts';
import { release } from './release.ts';
import { seal, sealObstacle, withParent } from './seal.ts';
import { SpaceGiven } from './space.ts';
import { statusOf, TEMPLATE_EVENTS, urgencyOf } from './status.ts';
import { tasksSource, useOf } from './users.ts';
import { verificationOf, verify } from './verify.ts';

/** A reconcile goes over all appliances of a template: while many come and go, one reconcile handles several changes. */
const GATHER_MS = 500;
/** How often the progress of an import is looked at: hosts tell it too often for an event each. */
const PROGRESS_MS = 2_000;
/** How often a template that is to go, and waits, is checked again, in case an event was lost. */
const RELEASE_RECHECK_MS = 10_000;

/**
 * Writes into each template's status whether appliances can be created from it, and has it copied to as many hosts as it asks
 * for, or to one, which judges it. A template that was unused for its coolDown is deleted; a deleted one stays until nothing is based on
 * it and the hosts have deleted its files.
 */
export function createTemplateController(context: OperatorContext): ControllerDefinition {
  const { applier, caches, clock, recorder, timings, views } = context;
  const debounces = { soon: timings.templateStatus };
  const events = byConditions(TEMPLATE_EVENTS);
  const writer = new StatusWriter({ applier, ref: TEMPLATES, clock, debounces, recorder, events });
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
        // Its children wait until it exists, its parent until it is gone.
        const key = keyOf(changed);
        const sharing = [old, current].flatMap((one) =>
          one === undefined ? [] : digestsOf(one).flatMap((digest) => keysOf(BY_DIGEST, digest)),
        );
        const [before, now] = [parents(old), parents(current)];
        const others = old?.metadata.generation === current?.metadata.generation ? [] : sharing;
        return [
          ...new Set([key, ...keysOf(BY_PARENT, key), ...others]),
          // A parent with children is used.
          ...(isSameJson(before, now) ? [] : [...before, ...now]),
        ];
      }),
      changesOf(
        caches.appliances,
        (old, current) => {
          const appliance = current ?? old;
          if (appliance === undefined) return [];
          const sealed = keysOf(BY_SEALED, keyOf(appliance));
          return old !== undefined && current !== undefined ? sealed : [...sealed, templateKeyOf(appliance)];
        },
        () => GATHER_MS,
      ),
      tasksSource(caches),
      changesOf(caches.hosts, (old, current) => (old === undefined || current === undefined ? all() : [])),
      viewsSource(
        views,
        ({ kind, ids }) => {
          if (kind === 'import') return ids.flatMap((digest) => keysOf(BY_DIGEST, digest));
          if (kind === 'layer') return ids.flatMap((identity) => keysOf(BY_LAYER, identity));
          if (kind === 'seal') return ids.flatMap((uid) => keysOf(BY_UID, uid));
          return kind === 'link' ? all() : [];
        },
        GATHER_MS,
      ),
    ],
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
  };
}

function parents(template: Template | undefined): string[] {
  const parent = template === undefined ? null : parentKey(template);
  return parent === null ? [] : [parent];
}

/** How often it is looked whether hosts are busy that should get a copy. */
const COPY_LOOK_MS = 2_000;
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

const BUILD_LOOK_MS = 5_000;

/** How often it is looked whether the file of a template was pushed. */
const UPLOAD_LOOK_MS = 2_000;

class Reconciler {
  readonly #context: OperatorContext;
  readonly #writer: StatusWriter<Template>;
  readonly #ledger = new PutLedger();
  readonly #space = new SpaceGiven();
  readonly #startedAt: number;

  constructor(context: OperatorContext, writer: StatusWriter<Template>) {
    this.#context = context;
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
    // Hosts may be slow to answer: the status does not wait for them.
    const result = await this.#write(known, { building }, signal);
    const { isDue } = this.#lifeOf(known);
    if (isDue && (await dispose(client, known, signal))) return result;
    const isLater = isPlaced && !(await this.#copy(known, building, signal));
    await verify(known, this.#context, signal);
    const looks = [
      ...(isLater ? [COPY_LOOK_MS] : []),
      // Something uses it that the cache does not show yet.
      ...(isDue ? [RELEASE_RECHECK_MS] : []),
      ...(this.#waitsForUpload(known) ? [UPLOAD_LOOK_MS] : []),
      ...(waitsForOthers(building) ? [BUILD_LOOK_MS] : []),
    ];
    return soonest([result, ...looks.map((ms) => requeueAfter(ms))]);
  }

  /** What is pushed changes a host's status, which changes too often to look at each template for it. */
  #waitsForUpload(template: Template): boolean {
    return (
      template.spec.source.upload !== undefined &&
      copiesOf(template, this.#known().hosts).holding.length === 0
    );
  }

  /**
   * Has a host import the template's files until its layers are known and somewhere, then has as many hosts as it asks for fetch them
   * from there. A refusal of one host does not keep the others from getting it.
   * @returns whether all were asked: hosts that are busy are asked later
   * @throws the first error, when all were asked
   */
  async #copy(
    template: Template,
    building: BuildProgress | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const usable = this.#context.views.list().filter((view) => takesFilesOf(template, view));
    const { hosts, isPartial } = this.#known();
    // What only hosts have that are away, another one imports once more.
    const copies = copiesOf(
      template,
      hosts.filter(({ isAway }) => isAway !== true),
    );
    const isBuilt = building?.isBuilt === true || building?.status.state === 'Done';
    if (template.spec.source.appliance !== undefined || isBuilt) await seal(this.#context, template, signal);
    const files = [...filesOf(template).values()].map((each) => this.#withOtherSources(each));
    const refusals = isPartial ? [] : await this.#importOnOne(template, usable, copies, files, signal);
    for (const file of files) {
      for (const view of hostsToTell(file, usable))
        refusals.push(...(await this.#tryTo(() => this.#import(view, file, signal), signal)));
    }
    const { wanted } = countsOf(template, this.#context.clock.now());
    const { caches, sharing } = this.#context;
    const below = layersBelow(template, (key) => caches.templates.get(key));
    let isAsked = true;
    const ask = async (view: HostView) => {
      for (const identity of [...below, ...identitiesOf(copies.layers)])
        isAsked = (await sharing.copy(identity, view, signal)) && isAsked;
    };
    const takers = () => this.#inOrder().filter(({ view }) => takesFilesOf(template, view));
    for (const view of hostsToCopyTo(template, copies, wanted, takers))
      refusals.push(...(await this.#tryTo(() => ask(view), signal)));
    if (refusals.length > 0) throw refusals[0];
    return isAsked;
  }

  /**
   * Has one more host import the files, if one should: the next when one refuses.
   * @returns why hosts refused
   */
  async #importOnOne(
    template: Template,
    usable: readonly HostView[],
    copies: Copies,
    files: readonly ImportFile[],
    signal: AbortSignal,
  ): Promise<unknown[]> {
    const importer = hostToImport(template, usable, copies);
    if (importer === undefined) return [];
    const importAll = async () => {
      for (const file of files) await this.#import(importer, file, signal);
    };
    const refusals = await this.#tryTo(importAll, signal);
    if (refusals.length === 0) return [];
    const others = usable.filter((view) => view !== importer);
    return [...refusals, ...(await this.#importOnOne(template, others, copies, files, signal))];
  }

  async #import(view: HostView, file: ImportFile, signal: AbortSignal): Promise<void> {
    const daemon = this.#context.links.client(view.name);
    if (daemon !== undefined) await putImport(daemon, view, this.#ledger, file, signal);
  }

  #inOrder(): readonly RankedHost[] {
    const { caches, log, views } = this.#context;
    const boundTo = (host: string) => caches.appliances.byIndex(BY_HOST, host);
    return hostsInOrder(caches.hosts.list(), views, boundTo, log);
  }

  /** @returns why it was refused, if it was */
  async #tryTo(work: () => Promise<void>, signal: AbortSignal): Promise<unknown[]> {
    try {
      await work();
      return [];
    } catch (error) {
      signal.throwIfAborted();
      return [error];
    }
  }

  #withOtherSources(file: ImportFile): ImportFile {
    return withOtherSources(file, this.#context.caches.templates.byIndex(BY_DIGEST, file.key.sha256));
  }

  async #release(template: Template, signal: AbortSignal): Promise<ReconcileResult> {
    this.#space.note(this.#context, template);
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
    {
      blocker,
      building,
    }: { readonly blocker?: Obstacle | undefined; readonly building?: BuildProgress | undefined },
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
      verification: verificationOf(template, this.#context),
      sealing: building === undefined ? sealObstacle(template, this.#context) : building.obstacle,
      isPartial,
      hasHosts: views.list().some((view) => takesFilesOf(template, view)),
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
