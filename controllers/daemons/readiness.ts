import type { HostStatus } from '../../src/host/protocol.ts';
import { hostObstacles, hostStates } from '../obstacles/hosts.ts';
import type { Explanation } from '../obstacles/obstacle.ts';
import type { HostView, Link } from './view.ts';

/** Whether a host can be used, as its Ready condition says it. */
export interface Readiness extends Explanation {
  readonly status: 'True' | 'False' | 'Unknown';
}

/**
 * The readiness of a host. A host that stops answering keeps its last readiness for `graceMs`: the restart of a daemon is not a
 * failure of its host.
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
    const { reason, message } = view.link.problem;
    return { status: 'False', reason, message };
  }
  if (view.status === undefined) return connecting(name);
  const { daemonVersion, driver, problems } = view.status;
  if (isTooOld(view.status)) return { status: 'False', ...hostObstacles.daemonTooOld(name, daemonVersion) };
  if (driver.problem !== undefined) {
    return { status: 'False', reason: driver.problem.reason, message: driver.problem.message };
  }
  // Other problems are shown to people only. Whether one matters to an appliance (a full disk, say), its own steps find out.
  return { status: 'True', ...hostStates.ready(name, problems) };
}

/** Whether appliances may be bound to the host at this moment. Stricter than Ready, because a binding is final. */
export function acceptsAppliances(view: HostView | undefined): boolean {
  return (
    view?.link.state === 'connected' &&
    view.status !== undefined &&
    view.status.driver.problem === undefined &&
    !isTooOld(view.status)
  );
}

/** A daemon that does not tell of imports names layers otherwise. */
function isTooOld({ imports }: HostStatus): boolean {
  return imports === undefined;
}

/** Milliseconds until the grace period of a silent host ends; undefined when none is running. */
export function graceLeft({ link }: HostView, now: number, graceMs: number): number | undefined {
  return link.state === 'broken' && isWithinGrace(link, now, graceMs)
    ? link.since + graceMs - now
    : undefined;
}

/** Whether the host has not answered for longer than a restart takes, be it since the operator's start. */
export function isLost(view: HostView | undefined, now: number, graceMs: number): boolean {
  return view !== undefined && view.link.state !== 'connected' && !isWithinGrace(view.link, now, graceMs);
}

function isWithinGrace(link: Exclude<Link, { state: 'connected' }>, now: number, graceMs: number): boolean {
  return now - link.since < graceMs;
}

function connecting(name: string): Readiness {
  const { reason, message } = hostObstacles.connecting(name);
  return { status: 'Unknown', reason, message };
}
