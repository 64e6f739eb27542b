import { own } from '../../base/own.ts';
import { badRequest } from '../status-errors.ts';
import type { KubeObject } from '../types.ts';

/** Reads each selectable field from an object; an absent field reads as ''. */
export type FieldGetters = Readonly<Record<string, (object: KubeObject) => string>>;

/** One term of a field selector: `metadata.name=a`, or `spec.x!=b`. */
interface FieldRequirement {
  readonly field: string;
  readonly value: string;
  readonly equal: boolean;
}

/** A parsed field selector; whether a resource has its fields is another question. */
export type FieldSelector = readonly FieldRequirement[];

/** The terms; a comma after a backslash belongs to a value. */
function termsOf(text: string): string[] {
  return text.match(/(?:\\.|[^\\,]|\\$)+/gsu) ?? [];
}

/** The value without backslashes; throws 400 for one that escapes nothing, and for a character that needs one. */
function unescaped(text: string): string {
  for (const [token] of text.matchAll(/\\[\\,=]|\\.?|[,=]/gsu)) {
    if (/^\\[\\,=]$/.test(token)) continue;
    const why = token.startsWith('\\')
      ? `invalid escape sequence: ${token}`
      : `unescaped character in value: ${token.codePointAt(0)}`;
    throw badRequest(`invalid field selector: ${why}`);
  }
  return text.replaceAll(/\\([\\,=])/g, '$1');
}

/**
 * Parses `metadata.name=a,spec.x!=b`, as k8s.io/apimachinery `fields.ParseSelector` does; throws 400 when it is malformed. The one
 * parser of field selectors: what a request may see and what it is shown must not be two readings of the same text.
 */
export function parseFieldSelector(text: string): FieldSelector {
  return termsOf(text)
    .sort()
    .map((term) => {
      const found = /^(.*?)(!=|==|=)(.*)$/su.exec(term);
      if (found === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
      const [, field = '', operator, value = ''] = found;
      return { field, value: unescaped(value), equal: operator !== '!=' };
    })
    .filter(({ field, value }) => field !== '' || value !== '');
}

/** The value that the selector requires of a field; undefined when it leaves a choice. */
export function exactValue(selector: FieldSelector, field: string): string | undefined {
  return selector.find((requirement) => requirement.field === field && requirement.equal)?.value;
}

/**
 * Whether objects have what the selector requires; undefined when it requires nothing. Throws 400 with the text `problem` for
 * fields that are not selectable.
 */
export function fieldMatcher(
  selector: FieldSelector,
  getters: FieldGetters,
  problem?: (field: string) => string | undefined,
): ((object: KubeObject) => boolean) | undefined {
  if (selector.length === 0) return undefined;
  const tests = selector.map(({ field, value, equal }) => {
    const read = own(getters, field);
    if (read === undefined) throw badRequest(problem?.(field) ?? `field label not supported: ${field}`);
    return (object: KubeObject): boolean => (read(object) === value) === equal;
  });
  return (object) => tests.every((test) => test(object));
}
