import type { Column } from './resource.ts';

const NAME_DESCRIPTION =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names';

const CREATED_DESCRIPTION =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function pair(value: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${value}${unit}` : `${value}${unit}${rest}${restUnit}`;
}

/** A duration as k8s.io/apimachinery `duration.HumanDuration` shortens it: two or three figures, whatever the size. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes < 10) return pair(minutes, 'm', seconds % MINUTE, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(seconds / HOUR);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(seconds / DAY);
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (days < 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 365 * 8 ? pair(years, 'y', days % 365, 'd') : `${years}y`;
}

/** The time since a timestamp; `<unknown>` when there is none. */
export function ageOf(timestamp: string | null | undefined, now: number): string {
  const time = Date.parse(timestamp ?? '');
  return Number.isNaN(time) ? '<unknown>' : humanDuration(now - time);
}

/** A column of a built-in kind: always of type string, as in kube's internal printers. */
export function column(name: string, description: string, cell: Column['cell'], priority = 0): Column {
  return { name, type: 'string', format: '', description, priority, cell };
}

export function nameColumn(priority = 0): Column {
  const cell: Column['cell'] = (object) => object.metadata.name ?? '';
  return { name: 'Name', type: 'string', format: 'name', description: NAME_DESCRIPTION, priority, cell };
}

export function ageColumn(): Column {
  return column('Age', CREATED_DESCRIPTION, (object, now) => ageOf(object.metadata.creationTimestamp, now));
}

/** The creation time, for kinds without printer columns. */
export function createdAtColumn(): Column {
  return {
    name: 'Created At',
    type: 'date',
    format: '',
    description: CREATED_DESCRIPTION,
    priority: 0,
    cell: (object) => object.metadata.creationTimestamp ?? null,
  };
}

/** The default Age column of custom resources. */
export function customAgeColumn(): Column {
  return { ...ageColumn(), type: 'date' };
}
