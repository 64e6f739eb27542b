import { isSameJson } from '../../src/base/equality.ts';
import type {
  ApplianceStatus,
  HostEvent,
  HostStatus,
  LayerStatus,
  Problem,
} from '../../src/host/protocol.ts';

/** How the stream from a host's daemon stands. Instants are milliseconds of the monotonic clock. */
export type Link =
  | { readonly state: 'connecting'; readonly since: number }
  | { readonly state: 'connected' }
  | { readonly state: 'broken'; readonly since: number; readonly problem: Problem };

/** What a host's daemon last said. Absence of an appliance or a layer means something only while connected. */
export interface HostView {
  readonly name: string;
  readonly link: Link;
  /** Milliseconds since the epoch when the daemon was last heard. */
  readonly lastSeen?: number;
  readonly status?: HostStatus;
  readonly appliances: ReadonlyMap<string, ApplianceStatus>;
  readonly layers: ReadonlyMap<string, LayerStatus>;
}

/** What changed in a view; `ids` are uuids or digests. */
export interface ViewChange {
  readonly host: string;
  readonly kind: 'link' | 'status' | 'appliance' | 'layer';
  readonly ids: readonly string[];
}

export type ViewListener = (change: ViewChange) => void;

interface MutableView extends HostView {
  link: Link;
  lastSeen?: number;
  status?: HostStatus;
  readonly appliances: Map<string, ApplianceStatus>;
  readonly layers: Map<string, LayerStatus>;
}

/** All that a daemon holds at one moment. */
export interface HostSnapshot {
  readonly status: HostStatus;
  readonly appliances: readonly ApplianceStatus[];
}

/** What all hosts last said: written by their streams, read by every controller. */
export class HostViews {
  readonly #views = new Map<string, MutableView>();
  readonly #listeners = new Set<ViewListener>();

  get(name: string): HostView | undefined {
    return this.#views.get(name);
  }

  list(): readonly HostView[] {
    return [...this.#views.values()];
  }

  /** Tells of every change from now on; returns how to stop that. */
  subscribe(listener: ViewListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins a view, empty, in place of any that was there; `since` is now, by the monotonic clock. */
  open(name: string, since: number): void {
    this.#views.set(name, {
      name,
      link: { state: 'connecting', since },
      appliances: new Map(),
      layers: new Map(),
    });
    this.#tell({ host: name, kind: 'link', ids: [] });
  }

  close(name: string): void {
    const view = this.#views.get(name);
    if (view === undefined) return;
    this.#views.delete(name);
    this.#tell({ host: name, kind: 'appliance', ids: [...view.appliances.keys()] });
    this.#tell({ host: name, kind: 'link', ids: [] });
  }

  setLink(name: string, link: Link): void {
    const view = this.#views.get(name);
    if (view === undefined) return;
    view.link = link;
    this.#tell({ host: name, kind: 'link', ids: [...view.appliances.keys()] });
  }

  /** Makes the view what the daemon holds, whatever was known before. */
  replace(name: string, { status, appliances }: HostSnapshot, seenAt: number): void {
    const view = this.#views.get(name);
    if (view === undefined) return;
    const uuids = new Set([...view.appliances.keys(), ...appliances.map(({ uuid }) => uuid)]);
    const digests = new Set([...view.layers.keys(), ...status.layers.map(({ sha256 }) => sha256)]);
    view.status = status;
    view.lastSeen = seenAt;
    refill(
      view.appliances,
      appliances.map((appliance) => [appliance.uuid, appliance]),
    );
    refill(
      view.layers,
      status.layers.map((layer) => [layer.sha256, layer]),
    );
    this.#tell({ host: name, kind: 'status', ids: [] });
    this.#tell({ host: name, kind: 'appliance', ids: [...uuids] });
    this.#tell({ host: name, kind: 'layer', ids: [...digests] });
  }

  /** Takes one event in. A `reset` is the stream's business: it fetches everything anew. */
  apply(name: string, event: Exclude<HostEvent, { type: 'reset' }>, seenAt: number): void {
    const view = this.#views.get(name);
    if (view === undefined) return;
    view.lastSeen = seenAt;
    const change = take(view, event);
    if (change !== undefined) this.#tell({ host: name, ...change });
  }

  /** The daemon answered that it does not have this appliance, before its stream said so. */
  dropAppliance(name: string, uuid: string): void {
    if (this.#views.get(name)?.appliances.delete(uuid)) {
      this.#tell({ host: name, kind: 'appliance', ids: [uuid] });
    }
  }

  #tell(change: ViewChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

function refill<Value>(map: Map<string, Value>, entries: readonly (readonly [string, Value])[]): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}

function take(
  view: MutableView,
  event: Exclude<HostEvent, { type: 'reset' }>,
): Omit<ViewChange, 'host'> | undefined {
  switch (event.type) {
    case 'host':
      // The layers in it are as old as the event; each of their changes has an event of its own.
      view.status = event.host;
      return { kind: 'status', ids: [] };
    case 'layer': {
      const before = view.layers.get(event.layer.sha256);
      view.layers.set(event.layer.sha256, event.layer);
      if (isSameJson(decisive(before), decisive(event.layer))) return undefined;
      return { kind: 'layer', ids: [event.layer.sha256] };
    }
    case 'layerGone':
      view.layers.delete(event.sha256);
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
 * Of a layer, without its progress and its holders: those change with every block and every appliance, and each change would
 * have all appliances of the host looked at.
 */
function decisive(layer: LayerStatus | undefined): unknown {
  if (layer === undefined) return undefined;
  const { kind, state, template, virtualBytes, problem } = layer;
  return { kind, state, template, virtualBytes, problem };
}
