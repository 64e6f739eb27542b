import type { Host } from '../../src/api/kinds.ts';
import type { LayerStatus } from '../../src/host/protocol.ts';
import type { HostView, HostViews } from '../daemons/view.ts';

/** What is known of a layer on a host. */
export type KnownLayer = Pick<LayerStatus, 'state' | 'problem' | 'virtualBytes' | 'bootable' | 'content'>;

/** A host, and the layers that it holds. */
export interface KnownHost {
  readonly name: string;
  readonly layers: ReadonlyMap<string, KnownLayer>;
}

/** What is known of all hosts' layers. */
export interface KnownHosts {
  readonly hosts: readonly KnownHost[];
  /** For how many milliseconds more a host is waited for that this operator has not heard yet: what it holds is not known. */
  readonly partialForMs: number | undefined;
}

/** Instants are milliseconds of the monotonic clock. */
export interface Patience {
  readonly now: number;
  /** When this operator began to reconcile. */
  readonly startedAt: number;
  /** How long a host is waited for. Bounded, so that one that is never heard keeps no template waiting. */
  readonly graceMs: number;
}

/** What the hosts last reported; of a host that this operator has not heard, what its status says it has. */
export function knownLayers(
  hosts: readonly Host[],
  views: Pick<HostViews, 'get'>,
  patience: Patience,
): KnownHosts {
  const found = hosts.map((host) => ({ host, view: views.get(host.metadata.name) }));
  const waits = found.map(({ view }) => waitFor(view, patience)).filter((wait) => wait > 0);
  return {
    hosts: found.map(({ host, view }) => knownHost(host, view)),
    partialForMs: waits.length === 0 ? undefined : Math.min(...waits),
  };
}

function waitFor(view: HostView | undefined, { now, startedAt, graceMs }: Patience): number {
  if (view?.status !== undefined || view?.link.state === 'connected') return 0;
  return (view?.link.since ?? startedAt) + graceMs - now;
}

/** A status has neither the reason nor the time of a failure, so it counts only for what is there. */
function knownHost({ metadata: { name }, status }: Host, view: HostView | undefined): KnownHost {
  if (view?.status !== undefined) return { name, layers: view.layers };
  const whole = (status?.layers ?? []).filter(({ state }) => state === 'Ready');
  return { name, layers: new Map(whole.map(({ sha256 }) => [sha256, { state: 'Ready' as const }])) };
}
