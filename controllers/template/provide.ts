import type { Template } from '../../src/api/kinds.ts';
import type { LayerIdentity } from '../../src/host/protocol.ts';
import type { OperatorContext } from '../context.ts';
import { hostsInOrder, type RankedHost } from '../daemons/copy-hosts.ts';
import { putImport } from '../daemons/put-import.ts';
import { PutLedger } from '../daemons/put-ledger.ts';
import { hostsToPublish, isShared } from '../daemons/shared-directories.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_DIGEST, BY_HOST } from '../indexes.ts';
import { countsOf } from '../objects/template-copies.ts';
import { filesOf, type ImportFile, identitiesOf, withOtherSources } from '../objects/template-files.ts';
import { layersBelow } from '../objects/template-lineage.ts';
import { type Obstacle, obstacleOf } from '../obstacles/obstacle.ts';
import type { BuildProgress } from './build.ts';
import {
  type Copies,
  canKeep,
  copiesOf,
  hostsToCopyTo,
  hostsToTell,
  hostToImport,
  takesFilesOf,
} from './copies.ts';
import type { KnownHosts } from './known-layers.ts';
import { seal } from './seal.ts';

/** Has hosts make, import and fetch the layers of templates. */
export class Provider {
  readonly #context: OperatorContext;
  readonly #ledger = new PutLedger();
  /** By uid. In memory: hosts say it again. */
  readonly #sealRefusals = new Map<string, Obstacle>();

  constructor(context: OperatorContext) {
    this.#context = context;
  }

  /**
   * Has one host import the template's files, or seal its disk, until a host has its layers. Then has further hosts fetch the layers
   * from there, as many as the template asks for. A host that refuses does not keep the others from getting them.
   * @returns whether all were asked: hosts that are busy are asked later
   * @throws the first error, when all were asked
   */
  async provide(
    template: Template,
    { hosts, isPartial }: KnownHosts,
    building: BuildProgress | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const usable = this.#context.views.list().filter((view) => takesFilesOf(template, view));
    // What only hosts have that are away, another one imports once more; what they put into a directory is still there.
    const { directories } = copiesOf(template, hosts);
    const near = hosts.filter(({ isAway }) => isAway !== true);
    const copies = { ...copiesOf(template, near), directories };
    const isBuilt = building?.isBuilt === true || building?.status.state === 'Done';
    const { appliance, flattened } = template.spec.source;
    if (appliance !== undefined || flattened !== undefined || isBuilt) await this.#seal(template, signal);
    else this.forget(template);
    const files = [...filesOf(template).values()].map((each) => this.#withOtherSources(each));
    const isThere = isPartial || (await this.#takeFromDirectory(template, copies, signal));
    const refusals = isThere ? [] : await this.#importOnOne(template, usable, copies, files, signal);
    for (const file of files) {
      for (const view of hostsToTell(file, usable))
        refusals.push(...(await this.#tryTo(() => this.#import(view, file, signal), signal)));
    }
    const { isAsked, refused } = await this.#askForCopies(template, copies, signal);
    refusals.push(...refused, ...(await this.#putIntoDirectories(template, copies, signal)));
    if (refusals.length > 0) throw refusals[0];
    return isAsked;
  }

  /** Why the host that is to make the template's layer did not take that on, when it was last asked. */
  sealRefusalOf({ metadata: { uid = '' } }: Template): Obstacle | undefined {
    return this.#sealRefusals.get(uid);
  }

  /** It is gone, or is not to be sealed now. */
  forget({ metadata: { uid = '' } }: Template): void {
    this.#sealRefusals.delete(uid);
  }

  async #seal(template: Template, signal: AbortSignal): Promise<void> {
    const { uid = '' } = template.metadata;
    try {
      await seal(this.#context, template, signal);
      this.forget(template);
    } catch (error) {
      const refusal = obstacleOf(error);
      const hasLayer = template.status?.layers?.disk !== undefined;
      if (refusal !== undefined && !hasLayer) this.#sealRefusals.set(uid, refusal);
      throw error;
    }
  }

  async #askForCopies(
    template: Template,
    copies: Copies,
    signal: AbortSignal,
  ): Promise<{ readonly isAsked: boolean; readonly refused: readonly unknown[] }> {
    const { clock, sharing } = this.#context;
    const { wanted } = countsOf(template, clock.now());
    const takers = () => this.#inOrder().filter(({ view }) => takesFilesOf(template, view));
    let isAsked = true;
    const ask = async (view: HostView) => {
      for (const identity of this.#withBelow(template, copies.layers))
        isAsked = (await sharing.copy(identity, view, signal)) && isAsked;
    };
    const refused: unknown[] = [];
    for (const view of hostsToCopyTo(template, copies, wanted, takers))
      refused.push(...(await this.#tryTo(() => ask(view), signal)));
    return { isAsked, refused };
  }

  /**
   * Has a host take the template from a shared directory, where those that put it there are away, or lost their mount of it.
   * @returns whether it does; otherwise the files are imported once more
   */
  async #takeFromDirectory(
    template: Template,
    { directories, layers, ready }: Copies,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!isShared(template) || ready.length > 0) return false;
    const taker = this.#inOrder().find(
      ({ view }) => canKeep(template, view) && directories.includes(view.status?.sharedDirectory ?? ''),
    );
    if (taker === undefined) return false;
    let isTaken = true;
    const take = async () => {
      for (const identity of this.#withBelow(template, layers))
        isTaken = isTaken && (await this.#context.sharing.copy(identity, taker.view, signal));
    };
    return (await this.#tryTo(take, signal)).length === 0 && isTaken;
  }

  /** The template's layers, and before them what they stand on. */
  #withBelow(template: Template, layers: Copies['layers']): readonly LayerIdentity[] {
    const { templates } = this.#context.caches;
    return [...layersBelow(template, (key) => templates.get(key)), ...identitiesOf(layers)];
  }

  /**
   * Has hosts that have the layers of a template of mode Shared put them into their shared directories. Of the hosts with the same
   * directory, one does so, and the others then take the file from there in place of their own.
   * @returns why hosts refused
   */
  async #putIntoDirectories(template: Template, { layers }: Copies, signal: AbortSignal): Promise<unknown[]> {
    if (!isShared(template)) return [];
    const views = this.#context.views.list();
    const refused: unknown[] = [];
    for (const identity of identitiesOf(layers))
      for (const view of hostsToPublish(identity, views))
        refused.push(
          ...(await this.#tryTo(() => this.#context.sharing.publish(identity, view, signal), signal)),
        );
    return refused;
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
}
