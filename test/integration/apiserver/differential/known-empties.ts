import { isDeepStrictEqual } from 'node:util';
import type { Emptied } from './empties.ts';
import type { Line } from './transcript.ts';

interface Status {
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly field?: string }[] };
}

/** kube checks metadata up to four times, by the layers that a kind passes, and lists what it finds each time. */
export function comparable({ body, ...line }: Line): Line {
  const { details, ...rest } = (body ?? {}) as Status;
  if (details?.causes === undefined) return { ...line, body };
  const causes = details.causes.filter(
    (cause, index, all) => all.findIndex((other) => isDeepStrictEqual(other, cause)) === index,
  );
  return { ...line, body: { ...rest, details: { ...details, causes } } };
}

type Known = (story: Emptied, ours: Line, theirs: Line) => boolean;

/** kube-apiserver itself fails, or even ends the connection: nobody can want that. */
const itFails: Known = (_, { status }, theirs) => theirs.status === 0 && status < 500;

/** A custom resource whose version a patch takes away: see `a patch that takes the version away`. */
const versionTaken: Known = ({ way, path }, ours, { status }) =>
  path.join('.') === 'apiVersion' && way.endsWith('patch') && ours.status === 400 && status >= 422;

/** The metadata of an embedded object: see `an embedded object with bad labels`. */
const embedded: Known = ({ path }) => path[0] === 'spec' && path[1] === 'embedded';

/** What a schema in a definition may say: kube refuses more of it. */
const schema: Known = ({ kind, path }, ours, { status }) =>
  isInSchema(kind, path) && [ours.status, status].every((code) => [200, 201, 409, 422].includes(code));

/** Apply does not know the types of a schema in a definition; a value that does not fit is found later. */
const schemaApplied: Known = ({ kind, way, path }, ours, { status }) =>
  isInSchema(kind, path) &&
  way.startsWith('apply') &&
  [409, 422, 500].includes(ours.status) &&
  status === 500;

function isInSchema(kind: string, path: readonly (string | number)[]): boolean {
  return kind === 'CustomResourceDefinition' && path.includes('openAPIV3Schema');
}

/** An empty list that Go leaves out counts as a change of the list around it. */
const emptyInside: Known = ({ kind, path, value }, ours, theirs) =>
  (kind.endsWith('Role') || kind === 'CustomResourceDefinition') &&
  path.length > 1 &&
  isDeepStrictEqual(value, []) &&
  isDeepStrictEqual(withoutManagers(ours), withoutManagers(theirs));

function withoutManagers({ body, ...line }: Line): unknown {
  const { metadata, ...rest } = (body ?? {}) as { metadata?: Record<string, unknown> };
  return { ...line, body: { ...rest, metadata: { ...metadata, managedFields: undefined } } };
}

/** The words in which a CEL rule fails on a value that has another type than its schema says. */
const ruleOfAnotherType: Known = (_, ours, theirs) =>
  [ours, theirs].every(({ status, body }) => {
    return status === 422 && ((body as Status).message ?? '').includes(' evaluating rule: ');
  });

const KNOWN: readonly Known[] = [
  itFails,
  versionTaken,
  embedded,
  schema,
  schemaApplied,
  emptyInside,
  ruleOfAnotherType,
];

/** Whether the answers differ as docs/embedded-api.md says. */
export function isKnown(story: Emptied, ours: readonly Line[], theirs: readonly Line[]): boolean {
  const [mine, other] = [ours.at(-1), theirs.at(-1)];
  return mine !== undefined && other !== undefined && KNOWN.some((known) => known(story, mine, other));
}
