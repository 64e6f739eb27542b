/** The parameters of operations. */

export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly type: 'string' | 'boolean' | 'integer';
  readonly description: string;
}

function query(name: string, type: Parameter['type'], description: string): Parameter {
  return { name, in: 'query', type, description };
}

export const PRETTY = query('pretty', 'string', "If 'true', the output is indented.");

export const NAMESPACE: Parameter = {
  name: 'namespace',
  in: 'path',
  type: 'string',
  description: 'Namespace of the object.',
};

/** `name` of the object in the path. */
export function nameOf(kind: string): Parameter {
  return { name: 'name', in: 'path', type: 'string', description: `name of the ${kind}` };
}

const DRY_RUN = query('dryRun', 'string', 'All: do everything but store the result.');

export const READ: readonly Parameter[] = [
  query('resourceVersion', 'string', 'The oldest version that may be answered with.'),
];

/** kubectl looks for `fieldValidation` to decide whether the server or it itself validates. */
export const WRITE: readonly Parameter[] = [
  DRY_RUN,
  query(
    'fieldManager',
    'string',
    'Name of the manager that makes the change, at most 128 printable characters.',
  ),
  query(
    'fieldValidation',
    'string',
    'What to do about unknown and duplicate fields: Ignore drops them, Warn (the default) drops them with a warning, Strict refuses the object.',
  ),
];

export const PATCH: readonly Parameter[] = [
  ...WRITE,
  query('force', 'boolean', 'Take over fields of other managers that conflict; for apply patches only.'),
];

export const DELETE: readonly Parameter[] = [
  DRY_RUN,
  query('gracePeriodSeconds', 'integer', 'Seconds that the object is given to end; 0 is at once.'),
  query('orphanDependents', 'boolean', 'Not used any more: see propagationPolicy.'),
  query('propagationPolicy', 'string', 'What becomes of dependents: Orphan, Background or Foreground.'),
];

export const LIST: readonly Parameter[] = [
  query('allowWatchBookmarks', 'boolean', 'Whether a watch may send bookmarks.'),
  query('continue', 'string', 'Token of the previous part of the list.'),
  query('fieldSelector', 'string', 'Select by fields.'),
  query('labelSelector', 'string', 'Select by labels.'),
  query('limit', 'integer', 'The most items to answer with.'),
  query('resourceVersion', 'string', 'The version from which to list or watch.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is meant: Exact or NotOlderThan.'),
  query('sendInitialEvents', 'boolean', 'Whether a watch begins with the objects that there are.'),
  query('timeoutSeconds', 'integer', 'After how many seconds the call ends.'),
  query('watch', 'boolean', 'Watch for changes instead of listing.'),
];
