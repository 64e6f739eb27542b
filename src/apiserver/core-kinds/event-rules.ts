/** Validation of Events in their stored form, core/v1; Events written as events.k8s.io/v1 have stricter rules. */

import { isDeepStrictEqual } from 'node:util';
import { own } from '../../base/own.ts';
import { qualifiedNameProblems } from '../meta/names.ts';
import type { FieldError, KubeObject } from '../types.ts';

/** The API group through which an Event is written. */
export type EventGroup = '' | 'events.k8s.io';

const MAX_TEXT = 128;
const MAX_MESSAGE = 1024;
const TYPES = ['Normal', 'Warning'];

/** Fields of an Event that cannot change; kube lists the reason twice. */
const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reason',
  'type',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
];

function text(event: KubeObject, field: string): string {
  const value = own(event, field);
  return typeof value === 'string' ? value : '';
}

function required(field: string): FieldError {
  return { type: 'Required', field, detail: '' };
}

function invalid(field: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field, value, detail };
}

/** Errors of a new event, or of a changed one. */
export function eventErrors(event: KubeObject, old: KubeObject | undefined, group: EventGroup): FieldError[] {
  const isStrict = group === 'events.k8s.io';
  const hasTime = text(event, 'eventTime') !== '';
  const reporter = isStrict ? 'reportingController' : 'reportingComponent';
  const errors = [...namespaceErrors(event, hasTime), ...(hasTime ? reportErrors(event, reporter) : [])];
  if (!isStrict) return errors;
  const others = old === undefined ? strictErrors(event, hasTime) : changeErrors(event, old);
  return [...errors, ...others, ...seriesErrors(event)];
}

function namespaceErrors({ metadata, involvedObject }: KubeObject, hasTime: boolean): FieldError[] {
  const about = (involvedObject as { namespace?: string } | undefined)?.namespace ?? '';
  const { namespace = '' } = metadata;
  const homes = hasTime ? ['default', 'kube-system'] : ['', 'default'];
  const fits = about === '' ? homes.includes(namespace) : hasTime || about === namespace;
  return fits ? [] : [invalid('involvedObject.namespace', about, 'does not match event.namespace')];
}

function reportErrors(event: KubeObject, reporter: string): FieldError[] {
  const errors: FieldError[] = [];
  const controller = text(event, 'reportingComponent');
  if (controller === '') errors.push(required(reporter));
  for (const problem of qualifiedNameProblems(controller)) {
    errors.push(invalid(reporter, controller, problem));
  }
  for (const field of ['reportingInstance', 'action', 'reason']) {
    const value = text(event, field);
    if (value === '') errors.push(required(field));
    if (value.length > MAX_TEXT) errors.push(invalid(field, '', `can have at most ${MAX_TEXT} characters`));
  }
  if (text(event, 'message').length > MAX_MESSAGE) {
    errors.push(invalid('message', '', `can have at most ${MAX_MESSAGE} characters`));
  }
  return errors;
}

function strictErrors(event: KubeObject, hasTime: boolean): FieldError[] {
  const errors = hasTime ? [] : [required('eventTime')];
  const type = text(event, 'type');
  if (!TYPES.includes(type)) errors.push(invalid('type', '', `has invalid value: ${type}`));
  const isSet = (field: string): boolean => {
    const value = own(event, field) ?? '';
    return typeof value === 'object' ? Object.keys(value).length > 0 : value !== '' && value !== 0;
  };
  const old = ['firstTimestamp', 'lastTimestamp', 'count', 'source'].filter(isSet);
  return [...errors, ...old.map((field) => invalid(field, '', 'needs to be unset'))];
}

function changeErrors(event: KubeObject, old: KubeObject): FieldError[] {
  const changed = FIXED.filter(
    (field) => !isDeepStrictEqual(own(event, field) ?? null, own(old, field) ?? null),
  );
  const errors = changed.map((field) =>
    invalid(own(STRICT_NAMES, field) ?? field, shown(field, own(event, field)), 'field is immutable'),
  );
  const { eventTime = null } = event;
  if (!isDeepStrictEqual(eventTime, old.eventTime ?? null)) {
    errors.push(invalid('eventTime', eventTime, 'field is immutable'));
  }
  return errors;
}

function seriesErrors({ series }: KubeObject): FieldError[] {
  if (series === undefined) return [];
  const { count = 0, lastObservedTime = null } = series as {
    count?: number;
    lastObservedTime?: string | null;
  };
  return [
    ...(count < 2 ? [invalid('series.count', '', 'should be at least 2')] : []),
    ...(lastObservedTime === null ? [required('series.lastObservedTime')] : []),
  ];
}

const STRICT_NAMES: Readonly<Record<string, string>> = { reportingComponent: 'reportingController' };

/** A value as Go prints it: references by the names that their fields have in Go. */
function shown(field: string, value: unknown): unknown {
  if (field !== 'involvedObject' && field !== 'related') return value ?? '';
  if (value === undefined) return null;
  const reference = value as Readonly<Record<string, string>>;
  return Object.fromEntries(REFERENCE.map(([name, goName]) => [goName, own(reference, name) ?? '']));
}

const REFERENCE = [
  ['kind', 'Kind'],
  ['namespace', 'Namespace'],
  ['name', 'Name'],
  ['uid', 'UID'],
  ['apiVersion', 'APIVersion'],
  ['resourceVersion', 'ResourceVersion'],
  ['fieldPath', 'FieldPath'],
] as const;
