import type { Host } from '../../src/api/kinds.ts';
import type { ImportStatus, LayerStatus, SealStatus } from '../../src/host/protocol.ts';
import type { HostView, HostViews } from '../daemons/view.ts';

/** What is known of a layer on a host. */
export type KnownLayer = Pick<
  LayerStatus,
  'state' | 'problem' | 'virtualBytes' | 'bootable' | 'firmware' | 'content' | 'shared' | 'sharingProblem'
>;

/** A host, what it imports, and the layers that it has. */
export interface KnownHost {
  readonly name: string;
  /** By `importId`. */
  readonly imports: ReadonlyMap<string, ImportStatus>;
  /** By identity. */
  readonly layers: ReadonlyMap<string, KnownLayer>;
  /** By the template's uid. */
  readonly seals: ReadonlyMap<string, SealStatus>;
  /** Set when it has been silent for too long: it has what it had, and gives it to nobody. */
  readonly isAway?: boolean;
}

/** What is known of all hosts' layers. */
export interface KnownHosts {
  readonly hosts: readonly KnownHost[];
  /** Whether a host that this operator has not heard yet is still waited for: what it holds is not known. */
  readonly isPartial: boolean;
  /** When a host is no longer waited for, in milliseconds from now; undefined when none is. */
  readonly untilChangeMs: number | undefined;
}

/** Instants are milliseconds of the monotonic clock. */
export interface Patience {
  readonly now: number;
  /** When this operator began to reconcile. */
  readonly startedAt: number;
  /** How long a silent host is waited for. Bounded, so that one that is never heard keeps no template waiting. */
  readonly graceMs: number;
}

/**
 * What the hosts last reported; of a host that this operator has not heard, what its status says it has. A host that is silent for too
 * long is no longer fetching anything, and still has what it had.
 */
export function knownLayers(
  hosts: readonly Host[],
  views: Pick<HostViews, 'get'>,
  patience: Patience,
): KnownHosts {
  const found = hosts.map((host) => {
    const view = views.get(host.metadata.name);
    return { host, view, leftMs: leftOf(view, patience) };
  });
  const waits = found.map(({ leftMs }) => leftMs).filter((ms) => ms > 0);
  return {
    hosts: found.map(({ host, view, leftMs }) => knownHost(host, view, leftMs)),
    isPartial: found.some(({ view, leftMs }) => view?.status === undefined && leftMs > 0),
    untilChangeMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

/** For how many milliseconds more a silent host is waited for. */
function leftOf(view: HostView | undefined, { now, startedAt, graceMs }: Patience): number {
  if (view?.link.state === 'connected') return 0;
  return (view?.link.since ?? startedAt) + graceMs - now;
}

/** A host's status has neither the reason nor the time of a failure, so it counts only for what is there. */
function knownHost(
  { metadata: { name }, status }: Host,
  view: HostView | undefined,
  leftMs: number,
): KnownHost {
  const isAway = leftMs <= 0 && view?.link.state !== 'connected';
  if (view?.status === undefined)
    return { name, imports: new Map(), layers: whole(status?.layers ?? []), seals: new Map(), isAway };
  const { imports, seals } = view;
  if (view.link.state === 'connected' || leftMs > 0) return { name, imports, layers: view.layers, seals };
  const done = [...imports].filter(([, { state }]) => state === 'Ready');
  return { name, imports: new Map(done), layers: whole([...view.layers.values()]), seals, isAway };
}

function whole<L extends Pick<LayerStatus, 'identity'> & { readonly state: string }>(layers: readonly L[]) {
  const ready = layers.filter(({ state }) => state === 'Ready');
  return new Map(ready.map((layer) => [layer.identity, { ...layer, state: 'Ready' as const }]));
}
