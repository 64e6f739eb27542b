import { type GoStruct, written } from '../codec/go-types.ts';
import { ageOf, column, nameColumn } from '../registry/columns.ts';
import { asJson, type Column, type Resource } from '../registry/resource.ts';
import type { FieldGetters } from '../selectors/field-selector.ts';
import type { JsonSchema, KubeObject } from '../types.ts';
import { defineKind } from './define.ts';
import { eventErrors } from './event-rules.ts';
import { integer, objectReference, record, text, time } from './schemas.ts';
import { CORE_EVENT, EVENTS_EVENT } from './structs.ts';

export const EVENTS = 'events';

interface Reference {
  apiVersion?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  fieldPath?: string;
}

interface CoreEvent {
  involvedObject?: Reference;
  source?: { component?: string; host?: string };
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  series?: { count?: number; lastObservedTime?: string };
  count?: number;
  reason?: string;
  message?: string;
  type?: string;
  reportingComponent?: string;
}

function eventOf(object: KubeObject): CoreEvent {
  return object as CoreEvent;
}

/** Fields with different names in core/v1 and events.k8s.io/v1: [core, events]. */
const RENAMED = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
] as const;

function renamed(
  object: KubeObject,
  apiVersion: string,
  names: readonly (readonly [string, string])[],
): KubeObject {
  const renaming = new Map(names);
  const fields = Object.entries(object).map(([name, value]) => [renaming.get(name) ?? name, value]);
  return { ...(Object.fromEntries(fields) as KubeObject), apiVersion };
}

/** The event with the fields that Go writes even when they are empty, and without others that are. */
function writtenAs(struct: GoStruct, event: KubeObject): KubeObject {
  return written(asJson(event), struct) as unknown as KubeObject;
}

/** When the event was last seen: the event has one of three fields for it. */
export function lastSeen(object: KubeObject): string | undefined {
  const { series, lastTimestamp, firstTimestamp, eventTime } = eventOf(object);
  return series?.lastObservedTime ?? lastTimestamp ?? firstTimestamp ?? eventTime ?? undefined;
}

function firstSeen(object: KubeObject): string | undefined {
  const { firstTimestamp, eventTime } = eventOf(object);
  return firstTimestamp ?? eventTime ?? undefined;
}

function sourceOf(object: KubeObject): string {
  const { source, reportingComponent } = eventOf(object);
  const parts = [source?.component || reportingComponent, source?.host];
  return parts.filter((part) => part !== undefined && part !== '').join(', ');
}

function involved(object: KubeObject): string {
  const { involvedObject } = eventOf(object);
  return `${involvedObject?.kind?.toLowerCase() ?? ''}/${involvedObject?.name ?? ''}`;
}

function eventColumns(): Column[] {
  return [
    column(
      'Last Seen',
      'The time at which the most recent occurrence of this event was recorded.',
      (object, now) => ageOf(lastSeen(object), now),
    ),
    column(
      'Type',
      'Type of this event (Normal, Warning), new types could be added in the future',
      (object) => eventOf(object).type ?? '',
    ),
    column(
      'Reason',
      "This should be a short, machine understandable string that gives the reason for the transition into the object's current status.",
      (object) => eventOf(object).reason ?? '',
    ),
    column('Object', 'The object that this event is about.', involved),
    column(
      'Subobject',
      'If referring to a piece of an object instead of an entire object, a field access statement.',
      (object) => eventOf(object).involvedObject?.fieldPath ?? '',
      1,
    ),
    column(
      'Source',
      'The component reporting this event. Should be a short machine understandable string.',
      sourceOf,
      1,
    ),
    column('Message', 'A human-readable description of the status of this operation.', (object) =>
      (eventOf(object).message ?? '').trim(),
    ),
    column(
      'First Seen',
      'The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)',
      (object, now) => ageOf(firstSeen(object), now),
      1,
    ),
    column(
      'Count',
      'The number of times this event has occurred.',
      (object) => eventOf(object).series?.count ?? eventOf(object).count ?? 1,
      1,
    ),
    nameColumn(1),
  ];
}

function referenceField(part: keyof Reference): (object: KubeObject) => string {
  return (object) => eventOf(object).involvedObject?.[part] ?? '';
}

const SELECTABLE: FieldGetters = {
  'involvedObject.kind': referenceField('kind'),
  'involvedObject.namespace': referenceField('namespace'),
  'involvedObject.name': referenceField('name'),
  'involvedObject.uid': referenceField('uid'),
  'involvedObject.apiVersion': referenceField('apiVersion'),
  'involvedObject.resourceVersion': referenceField('resourceVersion'),
  'involvedObject.fieldPath': referenceField('fieldPath'),
  reason: (object) => eventOf(object).reason ?? '',
  reportingComponent: (object) => eventOf(object).reportingComponent ?? '',
  source: (object) => eventOf(object).source?.component || eventOf(object).reportingComponent || '',
  type: (object) => eventOf(object).type ?? '',
};

function commonFields(): Record<string, JsonSchema> {
  return {
    action: text('What action was taken/failed regarding the object.'),
    eventTime: time('Time when this Event was first observed.'),
    reason: text(
      "A short, machine understandable string that gives the reason for the transition into the object's current status.",
    ),
    related: objectReference('Optional secondary object for more complex actions.'),
    reportingInstance: text('ID of the controller instance, e.g. `kubelet-xyzf`.'),
    series: record(
      {
        count: integer('Number of occurrences in this series up to the last heartbeat time.'),
        lastObservedTime: time('Time of the last occurrence observed.'),
      },
      'Data about the Event series this event represents or nil if it is a singleton Event.',
    ),
    type: text('Type of this event (Normal, Warning), new types could be added in the future.'),
  };
}

function coreFields(): Record<string, JsonSchema> {
  return {
    ...commonFields(),
    involvedObject: objectReference('The object that this event is about.'),
    message: text('A human-readable description of the status of this operation.'),
    reportingComponent: text('Name of the controller that emitted this Event, e.g. `kubernetes.io/kubelet`.'),
    source: record(
      {
        component: text('Component from which the event is generated.'),
        host: text('Node name on which the event is generated.'),
      },
      'The component reporting this event.',
    ),
    firstTimestamp: time('The time at which the event was first recorded.'),
    lastTimestamp: time('The time at which the most recent occurrence of this event was recorded.'),
    count: integer('The number of times this event has occurred.'),
  };
}

function eventsFields(): Record<string, JsonSchema> {
  const core = coreFields();
  const names = new Map<string, string>(RENAMED);
  return Object.fromEntries(Object.entries(core).map(([name, schema]) => [names.get(name) ?? name, schema]));
}

/** The selectable fields as events.k8s.io calls them. */
function renamedSelectable(): FieldGetters {
  const names = Object.entries(SELECTABLE).filter(([name]) => name !== 'source');
  return Object.fromEntries(
    names.map(([name, get]) => [
      name.replace('involvedObject.', 'regarding.').replace('reportingComponent', 'reportingController'),
      get,
    ]),
  );
}

/** Event, as core/v1 and as events.k8s.io/v1: two views of one storage. */
export function eventKinds(): Resource[] {
  const shared = { kind: 'Event', plural: 'events', version: 'v1', bucket: EVENTS, storedApiVersion: 'v1' };
  const back = RENAMED.map(([core, events]) => [events, core] as const);
  const toStored = (object: KubeObject): KubeObject => writtenAs(CORE_EVENT, renamed(object, 'v1', back));
  return [
    defineKind({
      ...shared,
      group: '',
      definitionName: 'io.k8s.api.core.v1.Event',
      shortNames: ['ev'],
      schema: record(coreFields(), 'Event is a report of an event somewhere in the cluster.'),
      columns: eventColumns(),
      selectable: SELECTABLE,
      struct: CORE_EVENT,
      rules: { validate: (object, old) => eventErrors(object, old, '') },
    }),
    defineKind({
      ...shared,
      group: 'events.k8s.io',
      definitionName: 'io.k8s.api.events.v1.Event',
      shortNames: ['ev'],
      schema: record(
        eventsFields(),
        'Event is a report of an event somewhere in the cluster. It generally denotes some state change in the system.',
      ),
      columns: eventColumns(),
      selectable: renamedSelectable(),
      struct: EVENTS_EVENT,
      fromStored: (object) => writtenAs(EVENTS_EVENT, renamed(object, 'events.k8s.io/v1', RENAMED)),
      toStored,
      rules: {
        qualifiesFinalizers: true,
        validate: (object, old) => eventErrors(toStored(object), old && toStored(old), 'events.k8s.io'),
      },
    }),
  ];
}
