/** CEL's static types, as cel-go's checker knows them. */

export type Kind =
  | 'dyn'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration'
  | 'type'
  | 'list'
  | 'map'
  | 'struct'
  | 'opaque'
  | 'parameter';

export interface Type {
  readonly kind: Kind;
  readonly name: string;
  /** Of a list its items', of a map its keys' and values', of an optional its value's. */
  readonly parameters: readonly Type[];
  /** Of an object that a schema declares, by their names in rules. */
  readonly fields?: ReadonlyMap<string, Type>;
}

function simple(kind: Kind, name: string = kind): Type {
  return { kind, name, parameters: [] };
}

export const DYN = simple('dyn');
export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const NULL = simple('null');
export const TIMESTAMP = simple('timestamp');
export const DURATION = simple('duration');

export function listOf(items: Type): Type {
  return { kind: 'list', name: 'list', parameters: [items] };
}

export function mapOf(keys: Type, values: Type): Type {
  return { kind: 'map', name: 'map', parameters: [keys, values] };
}

export function optionalOf(value: Type): Type {
  return { kind: 'opaque', name: 'optional', parameters: [value] };
}

export function typeOf(type: Type): Type {
  return { kind: 'type', name: 'type', parameters: [type] };
}

function parameter(name: string): Type {
  return simple('parameter', name);
}

export function objectOf(fields: ReadonlyMap<string, Type>): Type {
  return { kind: 'struct', name: 'object', parameters: [], fields };
}

/** The type in an optional, and whether there was one. */
export function unwrapped(type: Type): { readonly type: Type; readonly isOptional: boolean } {
  const [value] = type.parameters;
  const isOptional = type.kind === 'opaque' && type.name === 'optional' && value !== undefined;
  return { type: isOptional ? value : type, isOptional };
}

const NAMED: ReadonlyMap<string, Type> = new Map([
  ...[DYN, BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION].map(
    (type) => [type.name, type] as const,
  ),
  ...['Quantity', 'URL', 'Format'].map((name) => [name, simple('struct', name)] as const),
  ...['IP', 'CIDR'].map((name) => [name, simple('opaque', name)] as const),
]);

/** The type that a signature names: `map<K, list<string>>`. Single capitals are parameters. */
export function parseType(text: string): Type {
  const [, outer, inner] = /^(\w+)<(.*)>$/.exec(text) ?? [];
  if (outer === undefined || inner === undefined) return NAMED.get(text) ?? parameter(text);
  const [first = DYN, second = DYN] = splitTypes(inner).map(parseType);
  if (outer === 'list') return listOf(first);
  if (outer === 'map') return mapOf(first, second);
  return outer === 'type' ? typeOf(first) : optionalOf(first);
}

/** The types between commas that are not inside of a type. */
export function splitTypes(text: string): string[] {
  if (text === '') return [];
  return text.split(/, (?![^<]*>)/);
}

/** The types that a rule may name, as in `type(self.port) == int`. */
export const TYPE_NAMES: ReadonlyMap<string, Type> = new Map([
  ...['bool', 'int', 'uint', 'double', 'string', 'bytes'].map((name) => [name, parseType(name)] as const),
  ['list', listOf(DYN)],
  ['map', mapOf(DYN, DYN)],
  ['null_type', NULL],
  ['type', typeOf(DYN)],
  ['google.protobuf.Timestamp', TIMESTAMP],
  ['google.protobuf.Duration', DURATION],
  ['net.IP', parseType('IP')],
  ['net.CIDR', parseType('CIDR')],
  ['kubernetes.Quantity', parseType('Quantity')],
  ['kubernetes.URL', parseType('URL')],
]);
