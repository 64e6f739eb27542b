import { isSameJson } from '../../src/base/equality.ts';
import type {
  ApplianceStatus,
  HostEvent,
  HostStatus,
  ImportKey,
  ImportStatus,
  LayerStatus,
  Problem,
  SealStatus,
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
  /** By `importId`. */
  readonly imports: ReadonlyMap<string, ImportStatus>;
  /** By identity. */
  readonly layers: ReadonlyMap<string, LayerStatus>;
  /** By uuid: that of the template which the layer is for. */
  readonly seals: ReadonlyMap<string, SealStatus>;
}

/** Each namespace imports by itself, and a file may be imported as a disk and to boot from. */
export function importId({ sha256, kind, namespace }: ImportKey): string {
  return `${namespace}/${kind}/${sha256}`;
}

/** What changed in a view; `ids` are uuids (of appliances, or of seals), identities of layers, or digests of files that are imported. */
export interface ViewChange {
  readonly host: string;
  readonly kind: 'link' | 'status' | 'appliance' | 'layer' | 'import' | 'seal';
  readonly ids: readonly string[];
}

export type ViewListener = (change: ViewChange) => void;

interface MutableView extends HostView {
  link: Link;
  lastSeen?: number;
  status?: HostStatus;
  readonly appliances: Map<string, ApplianceStatus>;
  readonly imports: Map<string, ImportStatus>;
  readonly layers: Map<string, LayerStatus>;
  readonly seals: Map<string, SealStatus>;
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
      imports: new Map(),
      layers: new Map(),
      seals: new Map(),
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
    const imports = status.imports ?? [];
    const digests = new Set([...view.imports.values(), ...imports].map(({ sha256 }) => sha256));
    const layers = new Set([...view.layers.values(), ...status.layers].map(({ identity }) => identity));
    const seals = new Set([...view.seals.keys(), ...(status.seals ?? []).map(({ uuid }) => uuid)]);
    view.status = status;
    view.lastSeen = seenAt;
    refill(
      view.appliances,
      appliances.map((appliance) => [appliance.uuid, appliance]),
    );
    refill(
      view.imports,
      imports.map((one) => [importId(one), one]),
    );
    refill(
      view.layers,
      status.layers.map((layer) => [layer.identity, layer]),
    );
    refill(
      view.seals,
      (status.seals ?? []).map((seal) => [seal.uuid, seal]),
    );
    this.#notify({ host: name, kind: 'status', ids: [] });
    this.#notify({ host: name, kind: 'appliance', ids: [...uuids] });
    this.#notify({ host: name, kind: 'import', ids: [...digests] });
    this.#notify({ host: name, kind: 'layer', ids: [...layers] });
    this.#notify({ host: name, kind: 'seal', ids: [...seals] });
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
    case 'import': {
      const id = importId(event.import);
      const before = view.imports.get(id);
      view.imports.set(id, event.import);
      if (isSameJson(withoutProgress(before), withoutProgress(event.import))) return undefined;
      return { kind: 'import', ids: [event.import.sha256] };
    }
    case 'importGone':
      view.imports.delete(importId(event));
      return { kind: 'import', ids: [event.sha256] };
    case 'layer': {
      const { identity } = event.layer;
      const before = view.layers.get(identity);
      view.layers.set(identity, event.layer);
      if (isSameJson(withoutProgress(before), withoutProgress(event.layer))) return undefined;
      return { kind: 'layer', ids: [identity] };
    }
    case 'layerGone':
      view.layers.delete(event.identity);
      return { kind: 'layer', ids: [event.identity] };
    case 'seal': {
      const { uuid } = event.seal;
      const before = view.seals.get(uuid);
      view.seals.set(uuid, event.seal);
      if (isSameJson(withoutProgress(before), withoutProgress(event.seal))) return undefined;
      return { kind: 'seal', ids: [uuid] };
    }
    case 'sealGone':
      view.seals.delete(event.uuid);
      return { kind: 'seal', ids: [event.uuid] };
    case 'appliance':
      view.appliances.set(event.appliance.uuid, event.appliance);
      return { kind: 'appliance', ids: [event.appliance.uuid] };
    case 'applianceGone':
      view.appliances.delete(event.uuid);
      return { kind: 'appliance', ids: [event.uuid] };
  }
}

/**
 * Without its progress and its users. Those change with every block and every appliance, and each change would reconcile all
 * appliances of the host.
 */
function withoutProgress(one: ImportStatus | LayerStatus | SealStatus | undefined): unknown {
  const none = undefined;
  const { verification } = one !== undefined && 'verification' in one ? one : {};
  const read = verification && { ...verification, doneBytes: none };
  return { ...one, fetchedBytes: none, doneBytes: none, totalBytes: none, heldBy: none, verification: read };
}
