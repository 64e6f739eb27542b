import type { HostView, Link } from './view.ts';

/** Whether a host can be used, in the words of its Ready condition. */
export interface Readiness {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** Of a host about which there is nothing else to tell. */
export const READY_REASON = 'HostReady';

/**
 * How a host stands. A host that stops answering keeps its last word for `graceMs`, so that the restart of a daemon
 * is no failure of a host.
 * @param now milliseconds of the monotonic clock
 */
export function readinessOf(
  name: string,
  view: HostView | undefined,
  now: number,
  graceMs: number,
): Readiness {
  if (view === undefined || view.link.state === 'connecting') return connecting(name);
  if (view.link.state === 'broken' && !isWithinGrace(view.link, now, graceMs)) {
    return { status: 'False', ...view.link.problem };
  }
  if (view.status === undefined) return connecting(name);
  const { driver, problems } = view.status;
  if (driver.problem !== undefined) {
    return { status: 'False', reason: driver.problem.reason, message: driver.problem.message };
  }
  // What else it reports people should know; what it means for an appliance, a full disk, say, its steps find out themselves.
  const message = [`the daemon of ${name} answers`, ...problems.map((problem) => problem.message)].join('; ');
  return { status: 'True', reason: problems[0]?.reason ?? READY_REASON, message };
}

/** Whether appliances may be bound to the host at this moment: a stricter question, since a binding is for good. */
export function acceptsAppliances(view: HostView | undefined): boolean {
  return (
    view?.link.state === 'connected' && view.status !== undefined && view.status.driver.problem === undefined
  );
}

/** Milliseconds until a silent host's grace is over, if it is running. */
export function graceLeft({ link }: HostView, now: number, graceMs: number): number | undefined {
  return link.state === 'broken' && isWithinGrace(link, now, graceMs)
    ? link.since + graceMs - now
    : undefined;
}

/** Whether the host is known to be away, longer than a restart takes. */
export function isLost(view: HostView | undefined, now: number, graceMs: number): boolean {
  return view?.link.state === 'broken' && !isWithinGrace(view.link, now, graceMs);
}

function isWithinGrace(link: Extract<Link, { state: 'broken' }>, now: number, graceMs: number): boolean {
  return now - link.since < graceMs;
}

function connecting(name: string): Readiness {
  return { status: 'Unknown', reason: 'Connecting', message: `the daemon of ${name} is being connected to` };
}
