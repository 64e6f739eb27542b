import { isSameJson } from '../../src/base/equality.ts';
import type {
  ApplianceStatus,
  HostEvent,
  HostStatus,
  LayerKind,
  LayerStatus,
  Problem,
} from '../../src/host/protocol.ts';

/** The state of the stream from a host's daemon. Instants are milliseconds of the monotonic clock. */
export type Link =
  | { readonly state: 'connecting'; readonly since: number }
  | { readonly state: 'connected' }
  | { readonly state: 'broken'; readonly since: number; readonly problem: Problem };

/** What a host's daemon last reported. That an appliance or a layer is missing means something only while connected. */
export interface HostView {
  readonly name: string;
  readonly link: Link;
  /** When the daemon last reported something, in milliseconds since the epoch. */
  readonly lastSeen?: number;
  readonly status?: HostStatus;
  readonly appliances: ReadonlyMap<string, ApplianceStatus>;
  /** By `layerKey`. */
  readonly layers: ReadonlyMap<string, LayerStatus>;
}

/** A digest may be held as a disk and as a file to boot from: these are two layers. */
export function layerKey({ sha256, kind }: Pick<LayerStatus, 'sha256' | 'kind'>): string {
  return `${kind}/${sha256}`;
}

/** What changed in a view; `ids` are uuids or digests. */
export interface ViewChange {
  readonly host: string;
  readonly kind: 'link' | 'status' | 'appliance' | 'layer';
  readonly ids: readonly string[];
}

export const LAYER_KINDS: readonly LayerKind[] = ['disk', 'boot'];

export type ViewListener = (change: ViewChange) => void;

interface MutableView extends HostView {
  link: Link;
  lastSeen?: number;
  status?: HostStatus;
  readonly appliances: Map<string, ApplianceStatus>;
  readonly layers: Map<string, LayerStatus>;
}

/** Everything that a daemon has at one moment. */
export interface HostSnapshot {
  readonly status: HostStatus;
  readonly appliances: readonly ApplianceStatus[];
}

/** What all hosts last reported: written by their streams, read by every controller. */
export class HostViews {
  readonly #views = new Map<string, MutableView>();
  readonly #listeners = new Set<ViewListener>();

  get(name: string): HostView | undefined {
    return this.#views.get(name);
  }

  list(): readonly HostView[] {
    return [...this.#views.values()];
  }

  /** Calls the listener with every change from now on; returns how to unsubscribe. */
  subscribe(listener: ViewListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts an empty view, which replaces an earlier one; `since` is now, by the monotonic clock. */
  open(name: string, since: number): void {
    this.#views.set(name, {
      name,
      link: { state: 'connecting', since },
      appliances: new Map(),
      layers: new Map(),
    });
    this.#notify({ host: name, kind: 'link', ids: [] });
  }

  close(name: string): void {
    const view = this.#views.get(name);
    if (view === undefined) return;
    this.#views.delete(name);
    this.#notify({ host: name, kind: 'appliance', ids: [...view.appliances.keys()] });
    this.#notify({ host: name, kind: 'link', ids: [] });
  }

  setLink(name: string, link: Link): void {
    const view = this.#views.get(name);
    if (view === undefined) return;
    view.link = link;
    this.#notify({ host: name, kind: 'link', ids: [...view.appliances.keys()] });
  }

  /** Replaces the contents of the view with what the daemon has. */
  replace(name: string, { status, appliances }: HostSnapshot, seenAt: number): void {
    const view = this.#views.get(name);
    if (view === undefined) return;
    const uuids = new Set([...view.appliances.keys(), ...appliances.map(({ uuid }) => uuid)]);
    const digests = new Set([...view.layers.values(), ...status.layers].map(({ sha256 }) => sha256));
    view.status = status;
    view.lastSeen = seenAt;
    refill(
      view.appliances,
      appliances.map((appliance) => [appliance.uuid, appliance]),
    );
    refill(
      view.layers,
      status.layers.map((layer) => [layerKey(layer), layer]),
    );
    this.#notify({ host: name, kind: 'status', ids: [] });
    this.#notify({ host: name, kind: 'appliance', ids: [...uuids] });
    this.#notify({ host: name, kind: 'layer', ids: [...digests] });
  }

  /** Applies one event. The stream handles a `reset` itself: it fetches everything again. */
  apply(name: string, event: Exclude<HostEvent, { type: 'reset' }>, seenAt: number): void {
    const view = this.#views.get(name);
    if (view === undefined) return;
    view.lastSeen = seenAt;
    const change = applyEvent(view, event);
    if (change !== undefined) this.#notify({ host: name, ...change });
  }

  /** The daemon answered that it does not have this appliance, before its stream reported that. */
  dropAppliance(name: string, uuid: string): void {
    if (this.#views.get(name)?.appliances.delete(uuid)) {
      this.#notify({ host: name, kind: 'appliance', ids: [uuid] });
    }
  }

  #notify(change: ViewChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

function refill<Value>(map: Map<string, Value>, entries: readonly (readonly [string, Value])[]): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}

function applyEvent(
  view: MutableView,
  event: Exclude<HostEvent, { type: 'reset' }>,
): Omit<ViewChange, 'host'> | undefined {
  switch (event.type) {
    case 'host':
      // The layers in this event are ignored: each change of a layer has an event of its own.
      view.status = event.host;
      return { kind: 'status', ids: [] };
    case 'layer': {
      const before = view.layers.get(layerKey(event.layer));
      view.layers.set(layerKey(event.layer), event.layer);
      if (isSameJson(relevantPart(before), relevantPart(event.layer))) return undefined;
      return { kind: 'layer', ids: [event.layer.sha256] };
    }
    case 'layerGone':
      // An older daemon has one layer with a digest, and does not say of which kind.
      for (const kind of event.kind === undefined ? LAYER_KINDS : [event.kind])
        view.layers.delete(layerKey({ sha256: event.sha256, kind }));
      return { kind: 'layer', ids: [event.sha256] };
    case 'appliance':
      view.appliances.set(event.appliance.uuid, event.appliance);
      return { kind: 'appliance', ids: [event.appliance.uuid] };
    case 'applianceGone':
      view.appliances.delete(event.uuid);
      return { kind: 'appliance', ids: [event.uuid] };
  }
}

/**
 * A layer without its progress and its users. Those change with every block and every appliance, and each change would reconcile
 * all appliances of the host.
 */
function relevantPart(layer: LayerStatus | undefined): unknown {
  if (layer === undefined) return undefined;
  const { kind, state, template, virtualBytes, queued, problem, sources } = layer;
  return { kind, state, template, virtualBytes, queued, problem, sources };
}
