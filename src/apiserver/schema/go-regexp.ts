/**
 * Go's regular expressions (RE2), which kube's patterns and CEL's `matches` are. They run in linear time, as those of
 * JavaScript do not: a pattern is a user's, and `^([a-z0-9]+-?)+$` would take hours on 40 characters.
 */

import { RE2JS, RE2JSSyntaxException } from 're2js';

/** A compiled pattern. */
export interface GoRegExp {
  /** Whether the pattern matches anywhere in the text. Throws a TooMuchMatchingError. */
  test(text: string): boolean;
  /** The first match with its groups, as of `RegExp.exec`. Throws a TooMuchMatchingError. */
  exec(text: string): readonly (string | undefined)[] | undefined;
  /** All matches with their groups, at most `limit` of them if that is not negative. Throws a TooMuchMatchingError. */
  matchAll(text: string, limit?: number): (readonly (string | undefined)[])[];
}

/** A text is too long for the size of the pattern. Go would match it, for seconds, on a thread of its own. */
export class TooMuchMatchingError extends Error {}

/** Characters of a text times instructions of a pattern: about a second in the worst case. */
const MAX_STEPS = 40_000_000;
/** Instructions of a pattern, each repetition written out; Go takes some three million, with the same message. */
const MAX_INSTRUCTIONS = 20_000;
const MAX_CACHED = 64;

const cache = new Map<string, GoRegExp>();

/** Compiles a pattern. Throws a SyntaxError, in Go's words, for an invalid one. */
export function goRegExp(pattern: string): GoRegExp {
  const compiled = cache.get(pattern) ?? compile(pattern);
  // The most recent are kept.
  cache.delete(pattern);
  cache.set(pattern, compiled);
  const [oldest] = cache.keys();
  if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest);
  return compiled;
}

function compile(pattern: string): GoRegExp {
  const regexp = parsed(pattern);
  const checked = (text: string): string => {
    if (text.length * regexp.programSize() <= MAX_STEPS) return text;
    throw new TooMuchMatchingError(
      `a text of ${text.length} characters is too long for a pattern of ${regexp.programSize()} instructions`,
    );
  };
  const matchAll: GoRegExp['matchAll'] = (text, limit = -1) => {
    const found: (readonly (string | undefined)[])[] = [];
    for (const match of limit === 0 ? [] : regexp.matchAll(checked(text))) {
      found.push([...match]);
      if (found.length === limit) break;
    }
    return found;
  };
  return {
    test: (text) => regexp.test(checked(text)),
    exec: (text) => matchAll(text, 1)[0],
    matchAll,
  };
}

function parsed(pattern: string): RE2JS {
  if (instructionsOf(pattern) > MAX_INSTRUCTIONS) throw syntaxError('expression too large', pattern);
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    const { error: problem, input } = error;
    // Go takes two groups of one name, and names mean nothing here.
    const nameless = problem.startsWith('duplicate') ? withoutNames(pattern) : pattern;
    if (nameless !== pattern) return parsed(nameless);
    throw syntaxError(problem, OF_THE_WHOLE.has(problem) ? pattern : (input ?? ''));
  }
}

const OF_THE_WHOLE: ReadonlySet<string> = new Set(['expression too large', 'expression nests too deeply']);

function syntaxError(problem: string, where: string): SyntaxError {
  return new SyntaxError(`error parsing regexp: ${problem}: \`${where}\``);
}

/** What may be repeated, and counted repetitions. */
const PART =
  /\\(?:[pPx]\{[^}]*\}|[\s\S])|\[\^?\]?(?:\\[\s\S]|\[:\^?\w+:\]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|\(\?P?<\w+>|[\s\S]/gu;

function withoutNames(pattern: string): string {
  return pattern.replace(PART, (part) => (part.startsWith('(?') ? '(' : part));
}

/** About how many instructions a pattern becomes, with counted repetitions written out. */
function instructionsOf(pattern: string): number {
  const sizes = [0];
  let atom = 0;
  const add = (size: number): void => {
    sizes.push((sizes.pop() ?? 0) + size);
  };
  for (const [part, least, most] of pattern.matchAll(PART)) {
    if (part.startsWith('(')) {
      sizes.push(0);
    } else if (least !== undefined) {
      const count = Math.max(Number(least), Number(most ?? 0), 1);
      add(atom * (count - 1));
      atom *= count;
    } else {
      atom = part === ')' && sizes.length > 1 ? (sizes.pop() ?? 0) + 2 : 1;
      add(atom);
    }
  }
  return sizes.reduce((sum, size) => sum + size, 0);
}
