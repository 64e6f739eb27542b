import { KeyedMutex } from '../../src/base/keyed-mutex.ts';
import type { DesiredLayer, LayerIdentity } from '../../src/host/protocol.ts';
import type { Daemon } from './daemon.ts';
import { callDaemon } from './daemon-errors.ts';
import type { HostLinks } from './links.ts';
import { PutLedger } from './put-ledger.ts';
import type { HostView, HostViews } from './view.ts';

/** So many hosts are named as sources of a layer: if one goes, the others give the rest. */
const MOST_PEERS = 3;

interface Source {
  readonly view: HostView;
  readonly daemon: Daemon;
  readonly url: string;
}

/**
 * Has hosts fetch layers from hosts that have them, and lets nobody else read them. All of it is in memory, and may be lost: after a
 * restart of the operator what is still needed is asked for again.
 */
export class LayerSharing {
  readonly #views: Pick<HostViews, 'list' | 'get' | 'subscribe'>;
  readonly #links: Pick<HostLinks, 'client' | 'url'>;
  readonly #ledger = new PutLedger();
  /** Of each layer on each source, one request after the other: an earlier one that arrives late would take readers away. */
  readonly #grants = new KeyedMutex();
  /** By layer, the hosts that are to have it. */
  readonly #targets = new Map<LayerIdentity, Set<string>>();

  constructor(
    views: Pick<HostViews, 'list' | 'get' | 'subscribe'>,
    links: Pick<HostLinks, 'client' | 'url'>,
  ) {
    this.#views = views;
    this.#links = links;
    // A layer that comes back is one whose readers the host does not know.
    views.subscribe(({ kind, host, ids }) => {
      if (kind !== 'layer') return;
      const has = views.get(host)?.layers;
      for (const identity of ids)
        if (has?.has(identity) !== true) this.#ledger.forget(host, whatOf(identity));
    });
  }

  /**
   * Asks a host to have the layer, unless it has it or is asked for it already. A source that does not let it read is left out.
   * @returns whether any host has it
   * @throws what a daemon's refusal becomes in `callDaemon`: that of the target, or of a source when all refuse
   */
  async share(identity: LayerIdentity, target: HostView, signal: AbortSignal): Promise<boolean> {
    if (target.layers.get(identity)?.state === 'Ready') return true;
    const client = this.#links.client(target.name);
    const sources = this.#sources(identity, target.name);
    if (client === undefined || sources.length === 0) return sources.length > 0;
    this.#targets.set(identity, this.#targetsOf(identity).add(target.name));
    const granted = await Promise.allSettled(sources.map((source) => this.#grant(source, identity, signal)));
    signal.throwIfAborted();
    const refusal = granted.find((result) => result.status === 'rejected');
    const peers = sources.filter((_, index) => granted[index]?.status === 'fulfilled');
    if (peers.length === 0) throw refusal?.reason;
    const named = peers.map(({ view, url }) => ({ host: view.name, url }));
    await this.#put(target, client, identity, { peers: named, readers: this.#readers(identity) }, signal);
    return true;
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

  /** Connected hosts that have the layer whole, those that do the least first. */
  #sources(identity: LayerIdentity, target: string): Source[] {
    return this.#views
      .list()
      .flatMap((view) => {
        const [daemon, url] = [this.#links.client(view.name), this.#links.url(view.name)];
        const isThere = view.link.state === 'connected' && view.layers.get(identity)?.state === 'Ready';
        if (view.name === target || !isThere || daemon === undefined || url === undefined) return [];
        return [{ view, daemon, url }];
      })
      .sort(({ view: a }, { view: b }) => a.appliances.size - b.appliances.size || (a.name < b.name ? -1 : 1))
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

function whatOf(identity: LayerIdentity): string {
  return `layer/${identity}`;
}
