/** The `fieldPath` of a rule: `.name`, `['a.b']`, checked against the schema that the rule is on. */

import { own } from '../../../base/own.ts';
import type { JsonSchema } from '../../types.ts';

const STEP = /^(?:\.([^.[\]']+)|\['((?:\\.|[^'\\])*)'\])/;

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The path as kube appends it to the rule's path (`.name`, `[key]`); undefined if it names no field of the schema. */
export function normaliseFieldPath(path: string, schema: JsonSchema): string | undefined {
  let rest = path;
  let current: JsonSchema = schema;
  let printed = '';
  while (rest !== '') {
    const match = STEP.exec(rest);
    if (match === null) return undefined;
    const name =
      match[1] ?? (match[2] ?? '').replace(/\\(.)/g, (_, char: string) => own(ESCAPES, char) ?? char);
    const property = own(current.properties, name);
    const extra = current.additionalProperties;
    const next =
      property ?? (current.properties === undefined && typeof extra === 'object' ? extra : undefined);
    if (next === undefined) return undefined;
    printed += property === undefined ? `[${name}]` : `.${name}`;
    current = next;
    rest = rest.slice(match[0].length);
  }
  return printed;
}
