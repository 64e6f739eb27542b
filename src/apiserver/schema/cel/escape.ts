/** Field names as CEL rules write them: `my-field` is `my__dash__field`, `namespace` is `__namespace__`. */

import { own } from '../../../base/own.ts';

const RESERVED = new Set(
  (
    'true false null in as break const continue else for function if import let loop package namespace return ' +
    'var void while'
  ).split(' '),
);

const SEQUENCES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** The CEL identifier of a field; undefined for names that rules cannot write. */
export function escapeField(name: string): string | undefined {
  if (!/^[a-zA-Z_./-][a-zA-Z0-9_./-]*$/.test(name)) return undefined;
  if (RESERVED.has(name)) return `__${name}__`;
  return name.replace(/__|[-./]/g, (part) => own(SEQUENCES, part) ?? part);
}
