import { isDeepStrictEqual } from 'node:util';
import { kindsOnly } from './openapi.ts';
import type { Line } from './transcript.ts';

/** What differs in a case, so that the rest can be compared. */
export interface Difference {
  /** An answer less what differs in it. */
  readonly without: (line: Line) => unknown;
  /** Where the answers have nothing in common: the status that each server gives. */
  readonly statuses?: { readonly ours: number; readonly theirs: number };
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { field?: string; message?: string }[] };
  readonly metadata?: object;
}

/** The line with something else for its body. */
function body(change: (body: Status) => unknown): Difference {
  return { without: (line) => ({ ...line, body: change(line.body as Status) }) };
}

/** The reason that ends a message is each server's own. */
function reasonAfter(start: string): Difference {
  const cut = (text = '') =>
    text.includes(start) ? text.slice(0, text.indexOf(start) + start.length) : text;
  return body(({ message, details, ...rest }) => ({
    ...rest,
    message: cut(message),
    causes: details?.causes?.map((cause) => ({ ...cause, message: cut(cause.message) })),
  }));
}

function statuses(ours: number, theirs: number): Difference {
  return { without: ({ request }) => request, statuses: { ours, theirs } };
}

const withoutWarning: Difference = { without: ({ warning: _, ...line }) => line };

/**
 * Cases in which the embedded server answers otherwise than kube-apiserver, by name. Why, and what that means, is in
 * docs/embedded-api.md. A case that no longer differs must go from here.
 */
export const knownDifferences: ReadonlyMap<string, Difference> = new Map([
  ['create as the wrong version', withoutWarning],
  ['a patch to the wrong version', withoutWarning],
  ['a patch that takes the version away', statuses(400, 500)],
  ['create a built-in kind as the wrong kind', statuses(422, 400)],
  ['apply no YAML', reasonAfter('yaml: ')],
  ['YAML that only one parser takes', statuses(201, 400)],
  [
    'page by page, selected',
    body((list) => ({ ...list, metadata: { ...list.metadata, continue: undefined } })),
  ],
  ['go on from nowhere', reasonAfter('continue key is not valid: ')],
  ['OpenAPI of custom resources', body(kindsOnly)],
  ['OpenAPI of our kinds', body(kindsOnly)],
  ['OpenAPI v3 as protobuf', statuses(406, 200)],
  ['OpenAPI of nothing', { without: ({ request, status }: Line) => ({ request, status }) }],
  ['an embedded object with bad labels', statuses(201, 400)],
  ['a review of the wrong kind', body(({ message: _, ...rest }) => rest)],
  ['a scale, applied', statuses(400, 500)],
  ['rules with functions that are not there', statuses(422, 201)],
  ['rules with functions that only we have', statuses(201, 422)],
  [
    'a scale that changes nothing',
    body((object) => ({ ...object, metadata: { ...object.metadata, managedFields: undefined } })),
  ],
]);

/** What is wrong with what is said of a difference; undefined when all but that is the same. */
export function compare(
  { without, statuses: expected }: Difference,
  ours: readonly Line[],
  theirs: readonly Line[],
): { ours: unknown; theirs: unknown; differ: boolean } {
  const rest = (lines: readonly Line[], side: 'ours' | 'theirs') =>
    lines.map((line, index) => ({
      line: without(line),
      ...(expected === undefined || index < lines.length - 1
        ? {}
        : { asExpected: line.status === expected[side] }),
    }));
  return {
    ours: rest(ours, 'ours'),
    theirs: rest(theirs, 'theirs'),
    differ: !isDeepStrictEqual(ours, theirs),
  };
}
