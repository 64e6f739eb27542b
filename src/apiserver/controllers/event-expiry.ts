import { EVENTS, lastSeen } from '../core-kinds/events.ts';
import type { Backend } from '../handlers/context.ts';

/** How long an event is kept after it was last seen: kube's `--event-ttl`. */
const EVENT_TTL_MS = 60 * 60 * 1000;

/** Removes events that were last seen more than an hour ago. */
export function expireEvents({ store, now }: Backend): void {
  const oldest = now() - EVENT_TTL_MS;
  for (const { key, object } of store.list(EVENTS, '')) {
    const times = [lastSeen(object), object.metadata.creationTimestamp].map((time) => Date.parse(time ?? ''));
    const latest = Math.max(...times.filter((time) => !Number.isNaN(time)));
    if (latest < oldest) store.remove(EVENTS, key);
  }
}
