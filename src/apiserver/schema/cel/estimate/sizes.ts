/** What is known of the sizes of an expression's parts while it is estimated: by the schema, and by the expression itself. */

import type { Operand } from './call-cost.ts';
import type { Checked } from './check.ts';
import type { Declared } from './declared.ts';
import type { Expression } from './expression.ts';
import { fixed, type Size, UNKNOWN_SIZE } from './numbers.ts';
import { Path } from './paths.ts';
import type { Type } from './types.ts';

/** The sizes of what is in a list or map that the expression itself makes. */
export interface Entries {
  readonly kind: 'list' | 'map';
  readonly keys: Size;
  readonly values: Size;
}

export interface Variable {
  readonly path: Path | undefined;
  readonly size: Size | undefined;
  readonly entries: Entries | undefined;
}

const SCALARS: ReadonlySet<Type['kind']> = new Set([
  'bool',
  'double',
  'duration',
  'int',
  'timestamp',
  'uint',
]);

/** Knows most once the cost of a part is estimated. */
export class Sizes {
  readonly #checked: Checked;
  readonly #root: Declared;
  readonly #paths = new Map<Expression, Path>();
  readonly #sizes = new Map<Expression, Size>();
  readonly #entries = new Map<Expression, Entries>();
  readonly #variables = new Map<string, Variable[]>();

  constructor(checked: Checked, root: Declared) {
    this.#checked = checked;
    this.#root = root;
  }

  /** The variable of a loop: an item of a list, or a key of a map. */
  itemOf(range: Expression): Variable {
    const entries = this.entriesOf(range);
    const isList = (entries?.kind ?? this.#checked.typeOf(range).kind) === 'list';
    const path = Path.append(this.pathOf(range), isList ? '@items' : '@keys');
    return { path, size: isList ? entries?.values : entries?.keys, entries: undefined };
  }

  operand(expression: Expression): Operand {
    const size = this.sizeOf(expression);
    return {
      expression,
      type: this.#checked.typeOf(expression),
      path: this.pathOf(expression),
      size: size ?? UNKNOWN_SIZE,
      isSized: size !== undefined,
    };
  }

  itemsOf({ type, path }: Operand): { readonly type: Type; readonly size: Size } | undefined {
    const [items] = type.parameters;
    if (items === undefined) return undefined;
    const size = path === undefined ? undefined : this.#declaredAt([...path.names(), '@items']);
    return { type: items, size: size ?? UNKNOWN_SIZE };
  }

  sizeOf(expression: Expression): Size | undefined {
    const known = this.#sizes.get(expression) ?? writtenSize(expression);
    if (known !== undefined) return known;
    const path = this.pathOf(expression);
    const declared = path === undefined ? undefined : this.#declaredAt(path.names());
    if (declared !== undefined) {
      this.#sizes.set(expression, declared);
      return declared;
    }
    if (isScalar(this.#checked.typeOf(expression))) return fixed(1n);
    return expression.kind === 'identifier' ? this.variable(expression.name)?.size : undefined;
  }

  /** What the schema says of the values there. The name of the variable does not count: all are of the same schema. */
  #declaredAt(names: readonly string[]): Size | undefined {
    let at: Declared | undefined = this.#root;
    for (const name of names.slice(1)) {
      if (name === '@items' || name === '@values') at = at.items;
      else at = name === '@keys' ? at.keys : at.fields?.get(name);
      if (at === undefined) return undefined;
    }
    return { min: 0n, max: at.maxElements };
  }

  pathOf(expression: Expression): Path | undefined {
    const variable = expression.kind === 'identifier' ? this.variable(expression.name) : undefined;
    return variable === undefined ? this.#paths.get(expression) : variable.path;
  }

  entriesOf(expression: Expression): Entries | undefined {
    const known = this.#entries.get(expression);
    if (known !== undefined || expression.kind !== 'identifier') return known;
    return this.variable(expression.name)?.entries;
  }

  setPath(expression: Expression, path: Path | undefined): void {
    if (path !== undefined) this.#paths.set(expression, path);
  }

  setSize(expression: Expression, size: Size | undefined): void {
    if (size !== undefined) this.#sizes.set(expression, size);
  }

  setEntries(expression: Expression, entries: Entries | undefined): void {
    if (entries !== undefined) this.#entries.set(expression, entries);
  }

  variable(name: string): Variable | undefined {
    return this.#variables.get(name)?.at(-1);
  }

  push(name: string, variable: Variable): void {
    this.#variables.set(name, [...(this.#variables.get(name) ?? []), variable]);
  }

  pop(name: string): void {
    this.#variables.get(name)?.pop();
  }
}

/** The size of what is written in the rule itself. */
function writtenSize(expression: Expression): Size | undefined {
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression;
      if (typeof value === 'string') return fixed(BigInt([...value].length));
      return fixed(value instanceof Uint8Array ? BigInt(value.length) : 1n);
    }
    case 'list':
      return fixed(BigInt(expression.items.length));
    case 'map':
      return fixed(BigInt(expression.entries.length));
    default:
      return undefined;
  }
}

function isScalar(type: Type): boolean {
  const [value] = type.parameters;
  if (type.kind === 'opaque' && type.name === 'optional' && value !== undefined) return isScalar(value);
  return SCALARS.has(type.kind);
}
