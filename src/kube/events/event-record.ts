import type { KubeObject, ResourceRef } from '../../base/object.ts';

interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** `v1` Event: what `kubectl describe` and `kubectl events` read. */
export interface KubeEvent extends KubeObject {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  involvedObject: ObjectReference;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  source: { component: string };
  reportingComponent: string;
  reportingInstance: string;
}

export const EVENTS: ResourceRef<KubeEvent> = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

/** What happened. Reason and message are those of the condition that changed with it. */
export interface Occurrence {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** The API server refuses longer ones. */
const longestMessage = 1024;
const longestName = 253;

/** The first Event of a kind about an object; `suffix` makes its name unique. */
export function newEvent(
  about: KubeObject,
  { type, reason, message }: Occurrence,
  reporter: { readonly component: string; readonly instance: string },
  now: number,
  suffix: string,
): KubeEvent {
  const { name, namespace, uid, resourceVersion } = about.metadata;
  const { apiVersion, kind } = about;
  const time = eventTime(now);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name.slice(0, longestName - suffix.length - 1)}.${suffix}`,
      // Events of cluster-scoped objects go into `default`, where kubectl looks for them.
      namespace: namespace ?? 'default',
    },
    type,
    reason,
    message: message.length > longestMessage ? `${message.slice(0, longestMessage - 1)}…` : message,
    involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion },
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    source: { component: reporter.component },
    reportingComponent: reporter.component,
    reportingInstance: reporter.instance,
  };
}

/** As Kubernetes writes times: RFC 3339, whole seconds, UTC. */
export function eventTime(now: number): string {
  return new Date(now).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
