import { KeyedMutex } from '../../src/base/keyed-mutex.ts';
import { HostApiError } from '../../src/host/client.ts';
import type { DesiredLayer, LayerIdentity } from '../../src/host/protocol.ts';
import { RetryError } from '../obstacles/obstacle.ts';
import { sharingObstacles } from '../obstacles/templates.ts';
import { CopySlots } from './copy-slots.ts';
import type { Daemon } from './daemon.ts';
import { callDaemon } from './daemon-errors.ts';
import type { HostLinks } from './links.ts';
import { PutLedger } from './put-ledger.ts';
import { directoriesWith, hostsToPublish } from './shared-directories.ts';
import type { HostView, HostViews, ViewChange } from './view.ts';

/** So many hosts are named as sources of a layer: if one goes, the others give the rest. */
const MOST_PEERS = 3;

interface Source {
  readonly view: HostView;
  readonly daemon: Daemon;
  readonly url: string;
}

interface Request {
  /** Whether an appliance waits for the layer. */
  readonly isUrgent: boolean;
  readonly signal: AbortSignal;
}

/**
 * Has hosts fetch layers from hosts that have them, and lets nobody else read them. All of it is in memory, and may be lost: after a
 * restart of the operator what is still needed is asked for again.
 */
export class LayerSharing {
  readonly #views: Pick<HostViews, 'list' | 'get' | 'subscribe'>;
  readonly #links: Pick<HostLinks, 'client' | 'url'>;
  readonly #groupOf: (host: string) => string | undefined;
  readonly #isShared: (identity: LayerIdentity) => boolean;
  readonly #slots = new CopySlots();
  readonly #ledger = new PutLedger();
  /** Of each layer on each source, one request after the other: an earlier one that arrives late would take readers away. */
  readonly #grants = new KeyedMutex();
  /** By layer, the hosts that are to have it. */
  readonly #targets = new Map<LayerIdentity, Set<string>>();

  /**
   * @param groupOf the group of a host: layers come from hosts of the same group where they can
   * @param isShared whether a layer is to lie in a directory that hosts share
   */
  constructor(
    views: Pick<HostViews, 'list' | 'get' | 'subscribe'>,
    links: Pick<HostLinks, 'client' | 'url'>,
    groupOf: (host: string) => string | undefined = () => undefined,
    isShared: (identity: LayerIdentity) => boolean = () => false,
  ) {
    this.#views = views;
    this.#links = links;
    this.#groupOf = groupOf;
    this.#isShared = isShared;
    views.subscribe((change) => this.#follow(change));
  }

  /**
   * Asks a host to have the layer, unless it has it or is asked for it already: an appliance waits for it. A source that does not let
   * it read is left out.
   * @returns whether any host has it
   * @throws what a daemon's refusal becomes in `callDaemon`: that of the target, or of a source when all refuse
   */
  share(identity: LayerIdentity, target: HostView, signal: AbortSignal): Promise<boolean> {
    return this.#share(identity, target, { isUrgent: true, signal });
  }

  /**
   * Likewise for a layer that no appliance waits for: when the target, and a host that has it, are not busy.
   * @returns whether that is so, or the layer is there
   */
  async copy(identity: LayerIdentity, target: HostView, signal: AbortSignal): Promise<boolean> {
    if (target.layers.get(identity)?.state === 'Ready') return true;
    if (await this.#takeFromDirectory(identity, target, signal)) return true;
    if (this.#sources(identity, target.name, false).length === 0) return false;
    return await this.#share(identity, target, { isUrgent: false, signal });
  }

  async #share(identity: LayerIdentity, target: HostView, request: Request): Promise<boolean> {
    const { isUrgent, signal } = request;
    if (target.layers.get(identity)?.state === 'Ready') return true;
    if (await this.#takeFromDirectory(identity, target, signal)) return true;
    const client = this.#links.client(target.name);
    const sources = this.#sources(identity, target.name, isUrgent);
    if (client === undefined || sources.length === 0) return sources.length > 0;
    this.#targets.set(identity, this.#targetsOf(identity).add(target.name));
    this.#begin(identity, target, sources, isUrgent);
    try {
      const granted = await Promise.allSettled(
        sources.map((source) => this.#grant(source, identity, signal)),
      );
      signal.throwIfAborted();
      const refusal = granted.find((result) => result.status === 'rejected');
      const peers = sources.filter((_, index) => granted[index]?.status === 'fulfilled');
      if (peers.length === 0) throw refusal?.reason;
      const named = peers.map(({ view, url }) => ({ host: view.name, url }));
      const desired = { peers: named, readers: this.#readers(identity), ...this.#sharedAt(target, identity) };
      await this.#put(target, client, identity, desired, signal);
      return true;
    } catch (error) {
      this.#slots.end(identity, target.name);
      throw error;
    }
  }

  #begin(
    identity: LayerIdentity,
    { layers, name }: HostView,
    [source]: readonly Source[],
    isUrgent: boolean,
  ) {
    const isStuck = layers.get(identity)?.problem !== undefined;
    if (source !== undefined && !isStuck)
      this.#slots.begin(identity, { source: source.view.name, target: name, isUrgent });
  }

  #follow({ kind, host, ids }: ViewChange): void {
    const view = this.#views.get(host);
    if (kind === 'link' && view?.link.state !== 'connected') this.#slots.lose(host);
    if (kind !== 'layer') return;
    for (const identity of ids) {
      const layer = view?.layers.get(identity);
      if (layer?.state !== 'Fetching' || layer.problem !== undefined) this.#slots.end(identity, host);
      // A layer that comes back is one whose readers the host does not know.
      if (layer === undefined) this.#ledger.forget(host, whatOf(identity));
    }
  }

  /** Has a host that has the layer put it into its shared directory. It does so in the background. @throws as `share` */
  async publish(identity: LayerIdentity, view: HostView, signal: AbortSignal): Promise<void> {
    const client = this.#links.client(view.name);
    if (client === undefined) return;
    const desired = { peers: [], readers: this.#readers(identity), shared: true };
    await this.#put(view, client, identity, desired, signal);
  }

  /**
   * Has a host take the layer from its shared directory, which moves no byte.
   * @returns whether it is there; not where it is not to be, or cannot be put there
   * @throws RetryError while another host puts it there
   */
  async #takeFromDirectory(identity: LayerIdentity, target: HostView, signal: AbortSignal): Promise<boolean> {
    const { shared } = this.#sharedAt(target, identity);
    const client = this.#links.client(target.name);
    if (shared !== true || client === undefined) return false;
    const id = target.status?.sharedDirectory;
    const views = this.#views.list();
    if (directoriesWith([identity], views).includes(id ?? ''))
      return await this.#tryToTake(identity, target, client, signal);
    const publisher = hostsToPublish(identity, views).find(({ status }) => status?.sharedDirectory === id);
    if (publisher === undefined || publisher.layers.get(identity)?.sharingProblem !== undefined) return false;
    await this.publish(identity, publisher, signal);
    throw new RetryError(sharingObstacles.layerOnItsWay(identity, publisher.name), undefined);
  }

  /** @returns false when the host does not find it there, or finds something else */
  async #tryToTake(identity: LayerIdentity, target: HostView, client: Daemon, signal: AbortSignal) {
    const desired = { peers: [], readers: this.#readers(identity), shared: true };
    try {
      await this.#put(target, client, identity, desired, signal);
      return true;
    } catch (error) {
      if (isNotThere(error)) return false;
      throw error;
    }
  }

  #sharedAt({ status }: HostView, identity: LayerIdentity): Pick<DesiredLayer, 'shared'> {
    return status?.sharedDirectory !== undefined && this.#isShared(identity) ? { shared: true } : {};
  }

  /** The layer is no longer needed anywhere. */
  forget(identity: LayerIdentity): void {
    this.#targets.delete(identity);
  }

  /** A host no longer needs the layer. */
  withdraw(identity: LayerIdentity, target: string): void {
    const targets = this.#targets.get(identity);
    targets?.delete(target);
    if (targets?.size === 0) this.#targets.delete(identity);
  }

  /**
   * Connected hosts that have the layer whole: those of the target's group first, and those that do the least.
   * @param isUrgent whether hosts that are busy count, too
   */
  #sources(identity: LayerIdentity, target: string, isUrgent: boolean): Source[] {
    const group = this.#groupOf(target);
    const isFar = ({ name }: HostView) => (group !== undefined && this.#groupOf(name) === group ? 0 : 1);
    return this.#views
      .list()
      .flatMap((view) => {
        const [daemon, url] = [this.#links.client(view.name), this.#links.url(view.name)];
        const isThere = view.link.state === 'connected' && view.layers.get(identity)?.state === 'Ready';
        if (view.name === target || !isThere || daemon === undefined || url === undefined) return [];
        if (!isUrgent && !this.#slots.allows(identity, view.name, target)) return [];
        return [{ view, daemon, url }];
      })
      .sort(
        ({ view: a }, { view: b }) =>
          isFar(a) - isFar(b) || a.appliances.size - b.appliances.size || (a.name < b.name ? -1 : 1),
      )
      .slice(0, MOST_PEERS);
  }

  /** Lets all who are to have the layer by now read it from this host. */
  async #grant({ view, daemon }: Source, identity: LayerIdentity, signal: AbortSignal): Promise<void> {
    await this.#grants.run(`${view.name}/${identity}`, () =>
      this.#put(view, daemon, identity, { peers: [], readers: this.#readers(identity) }, signal),
    );
  }

  #targetsOf(identity: LayerIdentity): Set<string> {
    return this.#targets.get(identity) ?? new Set();
  }

  /** Those that are fetching it already stay among the readers, also those that an earlier operator named. */
  #readers(identity: LayerIdentity): string[] {
    const fetching = this.#views.list().filter(({ layers }) => layers.get(identity)?.state === 'Fetching');
    return [...new Set([...this.#targetsOf(identity), ...fetching.map(({ name }) => name)])].sort();
  }

  async #put(view: HostView, daemon: Daemon, identity: string, desired: DesiredLayer, signal: AbortSignal) {
    const daemonStart = view.status?.startedAt ?? '';
    const what = whatOf(identity);
    const isKnown = view.layers.has(identity) && this.#ledger.wasPut(view.name, daemonStart, what, desired);
    if (isKnown) return;
    const send = () => callDaemon(daemon.putLayer(identity, desired, { signal }));
    await this.#ledger.put(view.name, daemonStart, what, desired, send);
  }
}

function isNotThere(error: unknown): boolean {
  const cause = error instanceof RetryError ? error.cause : undefined;
  return cause instanceof HostApiError && cause.status === 404;
}

function whatOf(identity: LayerIdentity): string {
  return `layer/${identity}`;
}
