import type { DesiredLayer, LayerIdentity } from '../../src/host/protocol.ts';
import type { Daemon } from './daemon.ts';
import { callDaemon } from './daemon-errors.ts';
import type { HostLinks } from './links.ts';
import { PutLedger } from './put-ledger.ts';
import type { HostView, HostViews } from './view.ts';

/** So many hosts are named as sources of a layer: if one goes, the others give the rest. */
const MOST_PEERS = 3;

/**
 * Has hosts fetch layers from hosts that have them, and lets nobody else read them. All of it is in memory, and may be lost: after a
 * restart of the operator what is still needed is asked for again.
 */
export class LayerSharing {
  readonly #views: HostViews;
  readonly #links: Pick<HostLinks, 'client' | 'url'>;
  readonly #ledger = new PutLedger();
  /** By layer, the hosts that are to have it. */
  readonly #targets = new Map<LayerIdentity, Set<string>>();

  constructor(views: HostViews, links: Pick<HostLinks, 'client' | 'url'>) {
    this.#views = views;
    this.#links = links;
  }

  /**
   * Asks a host to have the layer, unless it has it or is asked for it already.
   * @returns whether any host has it
   * @throws what a daemon's refusal becomes in `callDaemon`
   */
  async share(identity: LayerIdentity, target: HostView, signal: AbortSignal): Promise<boolean> {
    if (target.layers.get(identity)?.state === 'Ready') return true;
    const client = this.#links.client(target.name);
    const sources = this.#sources(identity, target.name);
    if (client === undefined || sources.length === 0) return sources.length > 0;
    const readers = this.#readersWith(identity, target.name);
    for (const source of sources) {
      const daemon = this.#links.client(source.name);
      if (daemon !== undefined) await this.#put(source, daemon, identity, { peers: [], readers }, signal);
    }
    const peers = sources.flatMap(({ name }) => {
      const url = this.#links.url(name);
      return url === undefined ? [] : [{ host: name, url }];
    });
    await this.#put(target, client, identity, { peers, readers }, signal);
    return true;
  }

  /** The layer is no longer needed anywhere. */
  forget(identity: LayerIdentity): void {
    this.#targets.delete(identity);
  }

  /** Connected hosts that have the layer whole, those that do the least first. */
  #sources(identity: LayerIdentity, target: string): HostView[] {
    return this.#views
      .list()
      .filter(({ name, link, layers }) => {
        return name !== target && link.state === 'connected' && layers.get(identity)?.state === 'Ready';
      })
      .sort((a, b) => a.appliances.size - b.appliances.size || (a.name < b.name ? -1 : 1))
      .slice(0, MOST_PEERS);
  }

  /** Those that are fetching it already stay among the readers, also those that an earlier operator named. */
  #readersWith(identity: LayerIdentity, target: string): string[] {
    const targets = this.#targets.get(identity) ?? new Set();
    this.#targets.set(identity, targets.add(target));
    const fetching = this.#views.list().filter(({ layers }) => layers.get(identity)?.state === 'Fetching');
    return [...new Set([...targets, ...fetching.map(({ name }) => name)])].sort();
  }

  async #put(view: HostView, daemon: Daemon, identity: string, desired: DesiredLayer, signal: AbortSignal) {
    const daemonStart = view.status?.startedAt ?? '';
    const what = `layer/${identity}`;
    const isKnown = view.layers.has(identity) && this.#ledger.wasPut(view.name, daemonStart, what, desired);
    if (isKnown) return;
    const send = () => callDaemon(daemon.putLayer(identity, desired, { signal }));
    await this.#ledger.put(view.name, daemonStart, what, desired, send);
  }
}
