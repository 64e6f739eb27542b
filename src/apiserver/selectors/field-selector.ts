import { badRequest } from '../status-errors.ts';
import type { KubeObject } from '../types.ts';

interface FieldRequirement {
  field: string;
  value: string;
  equal: boolean;
}

/** Reads each selectable field from an object; an absent field reads as ''. */
export type FieldGetters = Readonly<Record<string, (object: KubeObject) => string>>;

export interface FieldSelector {
  matches(object: KubeObject): boolean;
  /** The value that a field must equal, if the selector requires one: a watch of one name can skip all other objects. */
  exact(field: string): string | undefined;
}

function splitUnescaped(text: string): string[] {
  return text.split(/(?<!\\),/).filter((part) => part !== '');
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([\\,=])/g, '$1');
}

function parseRequirement(text: string): FieldRequirement {
  const found = /^(.*?)(!=|==|=)(.*)$/s.exec(text);
  if (found === null) throw badRequest(`invalid selector: '${text}'; can't understand '${text}'`);
  const [, field = '', operator, value = ''] = found;
  return { field, value: unescaped(value), equal: operator !== '!=' };
}

/**
 * Parses `metadata.name=a,spec.x!=b`; undefined when empty. Throws 400 with the text `problem` for fields that are
 * not selectable.
 */
export function parseFieldSelector(
  text: string | undefined,
  getters: FieldGetters,
  problem?: (field: string) => string | undefined,
): FieldSelector | undefined {
  const requirements = splitUnescaped(text ?? '').map(parseRequirement);
  if (requirements.length === 0) return undefined;
  for (const { field } of requirements) {
    if (!Object.hasOwn(getters, field))
      throw badRequest(problem?.(field) ?? `field label not supported: ${field}`);
  }
  return {
    matches: (object) =>
      requirements.every(({ field, value, equal }) => ((getters[field]?.(object) ?? '') === value) === equal),
    exact: (field) =>
      requirements.find((requirement) => requirement.field === field && requirement.equal)?.value,
  };
}
