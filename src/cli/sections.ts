import type { Condition } from '../api/conditions.ts';
import type { KubeObject, ResourceRef } from '../base/object.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { formatTable } from './table.ts';

interface KubeEvent extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly note?: string;
  readonly count?: number;
  readonly lastTimestamp?: string;
  readonly eventTime?: string;
}

const EVENTS: ResourceRef<KubeEvent> = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

/** A title, and its text below it, indented. */
export function section(title: string, body: string): string {
  return `${title}:\n${body.replaceAll(/^/gm, '  ')}`;
}

/** One line for each name with its value. */
export function tellFacts(facts: readonly (readonly [name: string, value: string])[]): string {
  return facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${value}`).join('\n');
}

export function tellConditions(conditions: readonly Condition[] | undefined): string {
  const rows = (conditions ?? []).map(({ type, status, reason, lastTransitionTime, message }) => [
    type,
    status,
    reason,
    lastTransitionTime,
    message,
  ]);
  return section('Conditions', formatTable(['TYPE', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'], rows));
}

/** The Events about an object, the oldest first. Those about an object without a namespace are in `default`. */
export async function tellEvents(client: KubeClient, { metadata }: KubeObject): Promise<string> {
  const { items } = await client.list(EVENTS, {
    namespace: metadata.namespace ?? 'default',
    fieldSelector: `involvedObject.uid=${metadata.uid}`,
  });
  const rows = items.map((event) => [
    event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '-',
    event.type ?? '-',
    event.reason ?? '-',
    `${event.message ?? event.note ?? ''}${(event.count ?? 1) > 1 ? ` (x${event.count})` : ''}`,
  ]);
  const sorted = rows.sort(([left = ''], [right = '']) => (left < right ? -1 : 1));
  return section(
    'Events',
    rows.length === 0 ? '<none>' : formatTable(['WHEN', 'TYPE', 'REASON', 'MESSAGE'], sorted),
  );
}
