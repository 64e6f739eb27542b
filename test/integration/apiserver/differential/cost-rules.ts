import { schemaRuleErrors } from '../../../../src/apiserver/schema/compile.ts';
import type { JsonSchema } from '../../../../src/apiserver/types.ts';
import { LITERALS, LOOPS, TEMPLATES } from './cost-templates.ts';

/** Chooses one: by chance, or as a test says. */
export type Pick = <T>(...choices: readonly T[]) => T;

const text = (maxLength?: number): JsonSchema => ({
  type: 'string',
  ...(maxLength === undefined ? {} : { maxLength }),
});
const integer: JsonSchema = { type: 'integer' };
const listOf = (items: JsonSchema, maxItems?: number): JsonSchema => ({
  type: 'array',
  items,
  ...(maxItems === undefined ? {} : { maxItems }),
});
const mapOf = (additionalProperties: JsonSchema, maxProperties?: number): JsonSchema => ({
  type: 'object',
  additionalProperties,
  ...(maxProperties === undefined ? {} : { maxProperties }),
});

const part: JsonSchema = {
  type: 'object',
  required: ['name', 'size'],
  properties: {
    name: text(8),
    size: integer,
    note: text(),
    tags: listOf(text(6), 7),
    more: listOf({ type: 'object', properties: { key: text(5), value: text(50) } }, 6),
  },
};

/** Every type, format and bound of a schema that counts in an estimate. */
const thing: JsonSchema = {
  type: 'object',
  required: ['short', 'count'],
  properties: {
    flag: { type: 'boolean' },
    count: integer,
    ratio: { type: 'number' },
    short: text(10),
    other: text(12),
    long: text(5000),
    open: text(),
    none: text(0),
    colour: { type: 'string', enum: ['red', 'ultramarine', 'grün'] },
    standard: { type: 'string', default: 'x', maxLength: 3 },
    when: { type: 'string', format: 'date-time' },
    day: { type: 'string', format: 'date' },
    span: { type: 'string', format: 'duration' },
    blob: { type: 'string', format: 'byte', maxLength: 64 },
    openBlob: { type: 'string', format: 'byte' },
    port: { 'x-kubernetes-int-or-string': true },
    percent: { 'x-kubernetes-int-or-string': true, maxLength: 8 },
    'my-field': text(9),
    namespace: text(11),
    numbers: listOf(integer, 20),
    words: listOf(text(12), 15),
    allWords: listOf(text(), 4),
    many: listOf(integer),
    matrix: listOf(listOf(integer, 5), 4),
    times: listOf({ type: 'string', format: 'date-time' }, 6),
    blobs: listOf({ type: 'string', format: 'byte', maxLength: 20 }, 3),
    ports: listOf({ 'x-kubernetes-int-or-string': true, maxLength: 6 }, 9),
    parts: listOf(part, 13),
    allParts: listOf(part),
    keyed: {
      ...listOf({ ...part, required: ['name'] }, 11),
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    labels: mapOf(text(20), 10),
    open_map: mapOf(integer),
    groups: mapOf(listOf(text(4), 8), 5),
    partOf: mapOf(part, 3),
    sub: part,
    embedded: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      properties: { spec: { type: 'object', properties: { replicas: integer } } },
    },
  },
};

/** A CEL type, and for containers and objects the schema that has more of it. */
interface Value {
  readonly source: string;
  readonly type: string;
  readonly schema?: JsonSchema | undefined;
}

function typeOf(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'dyn';
  switch (schema.type) {
    case 'boolean':
      return 'bool';
    case 'integer':
      return 'int';
    case 'number':
      return 'double';
    case 'array':
      return `list<${typeOf(schema.items ?? {})}>`;
    case 'object':
      return typeof schema.additionalProperties === 'object'
        ? `map<${typeOf(schema.additionalProperties)}>`
        : 'object';
    default:
      return FORMATS.get(schema.format ?? '') ?? 'string';
  }
}

const FORMATS: ReadonlyMap<string, string> = new Map([
  ['date-time', 'timestamp'],
  ['date', 'timestamp'],
  ['duration', 'duration'],
  ['byte', 'bytes'],
]);

function value(source: string, schema: JsonSchema): Value {
  return { source, type: typeOf(schema), schema };
}

const ESCAPED: ReadonlyMap<string, string> = new Map([
  ['my-field', 'my__dash__field'],
  ['namespace', '__namespace__'],
]);

/** The values right below. */
function below({ source, schema }: Value): Value[] {
  if (schema?.items !== undefined) return [value(`${source}[0]`, schema.items)];
  if (typeof schema?.additionalProperties === 'object') {
    return [value(`${source}['key']`, schema.additionalProperties)];
  }
  return Object.entries(schema?.properties ?? {}).map(([name, property]) =>
    value(`${source}.${ESCAPED.get(name) ?? name}`, property),
  );
}

/** Makes expressions, deeper by one for each operator and function. */
class Maker {
  readonly #pick: Pick;
  readonly #scope: readonly Value[];

  constructor(pick: Pick, scope: readonly Value[]) {
    this.#pick = pick;
    this.#scope = scope;
  }

  /** An expression of that type in which at most `depth` others are nested. */
  make(type: string, depth: number): string {
    const ways = [
      () => this.#leaf(type),
      ...(depth > 0 ? [() => this.#template(type, depth), () => this.#template(type, depth)] : []),
      ...(depth > 0 && LOOPS[type] !== undefined ? [() => this.#loop(type, depth)] : []),
      ...(type === 'bool' ? [() => this.#presence()] : []),
    ];
    return this.#pick(...ways)();
  }

  #leaf(type: string): string {
    const values = this.#valuesOf(type);
    const literals = LITERALS[type] ?? [];
    if (values.length === 0 && literals.length === 0) return this.#made(type);
    const useValue = values.length > 0 && (literals.length === 0 || this.#pick(true, true, true, false));
    return useValue ? this.#read(this.#pick(...values).source, literals) : this.#pick(...literals);
  }

  /** The value, or what stands for it where there is none. */
  #read(source: string, literals: readonly string[]): string {
    const [, of, field] = /^(.*)\.(\w+)$/.exec(source) ?? [];
    if (of === undefined || literals.length === 0 || this.#pick(true, true, true, false)) return source;
    return `${of}.?${field}.orValue(${this.#pick(...literals)})`;
  }

  #valuesOf(type: string): readonly Value[] {
    return this.#reachable().filter((value) => value.type === type);
  }

  /** Of a container that neither the schema has nor can be written as it is. */
  #made(type: string): string {
    const inner = /<(.*)>$/.exec(type)?.[1] ?? 'string';
    return type.startsWith('map') ? `{'a': ${this.make(inner, 0)}}` : `[${this.make(inner, 0)}]`;
  }

  #reachable(): Value[] {
    const first = this.#scope.flatMap(below);
    return [...this.#scope, ...first, ...first.flatMap(below)];
  }

  #template(type: string, depth: number): string {
    const templates = TEMPLATES[type];
    if (templates === undefined) return this.#leaf(type);
    return this.#filled(this.#pick(...templates), depth);
  }

  #filled(template: string, depth: number): string {
    return template.replaceAll(/<((?:list|map)<(?:list<)?\w+>?>|\w+)>/g, (_, type: string) =>
      type === 'text' ? this.#pick(...this.#valuesOf('string')).source : this.make(type, depth - 1),
    );
  }

  #presence(): string {
    const fields = this.#reachable().filter(({ source }) => /\.\w+$/.test(source));
    return fields.length === 0 ? 'true' : `has(${this.#pick(...fields).source})`;
  }

  /** A macro over something that the schema has, or over a list that is made. */
  #loop(type: string, depth: number): string {
    const ranges = this.#reachable().filter(({ type: one }) => /^(list|map)/.test(one));
    const madeType = this.#pick('list<int>', 'list<string>');
    const made: Value = { source: this.make(madeType, depth - 1), type: madeType };
    const range = ranges.length === 0 ? made : this.#pick(made, ...ranges);
    const variable = `v${this.#scope.length}`;
    const item: Value = range.type.startsWith('map')
      ? { source: variable, type: 'string' }
      : itemOf(range, variable);
    const inner = new Maker(this.#pick, [...this.#scope, item]);
    const macro = this.#pick(...(LOOPS[type] ?? [])).replace('<var>', variable);
    return `${range.source}.${inner.#filled(macro, depth)}`;
  }
}

function itemOf({ type, schema }: Value, source: string): Value {
  if (schema?.items !== undefined) return value(source, schema.items);
  return { source, type: /^list<(.*)>$/.exec(type)?.[1] ?? 'dyn' };
}

/** A rule about values of the schema. */
function ruleFor(schema: JsonSchema, pick: Pick): string {
  const scope = [value('self', schema), ...pick([], [], [], [value('oldSelf', schema)])];
  return new Maker(pick, scope).make('bool', pick(1, 2, 3, 3));
}

/** What rules are about; all have texts somewhere. */
const SUBJECTS: readonly JsonSchema[] = [
  thing,
  part,
  text(30),
  text(),
  listOf(text(12), 15),
  listOf(part, 12),
  listOf(part),
  listOf(listOf(text(4), 5), 6),
  mapOf(text(9), 8),
  mapOf(part),
  mapOf(listOf(text(9)), 7),
  { ...thing, 'x-kubernetes-embedded-resource': true },
];

type Around = (schema: JsonSchema, count: number) => JsonSchema;

/** How often a rule's values may be there. */
const PLACES: readonly Around[] = [
  listOf,
  listOf,
  mapOf,
  (schema, count) => listOf(listOf(schema, 10), Math.ceil(count / 10)),
  (schema, count) => mapOf({ type: 'object', properties: { inner: listOf(schema, count) } }, 2),
  (schema) => listOf(schema),
  (schema) => mapOf(listOf(schema, 5)),
  (schema) => schema,
];

/** A schema with a rule, in a place in which it is a little too expensive, if one makes it so. */
export function ruledSchema(pick: Pick): JsonSchema {
  const subject = pick(thing, ...SUBJECTS);
  const rule = ruleFor(subject, pick);
  const around = pick(...PLACES);
  const make = (count: number) => around({ ...subject, 'x-kubernetes-validations': [{ rule }] }, count);
  return make(enough(make));
}

/** A schema with a rule whose message is a little too expensive. */
export function messageSchema(pick: Pick): JsonSchema {
  const subject = pick(thing, ...SUBJECTS);
  const inner = ruleFor(subject, pick);
  const make = (count: number): JsonSchema => {
    const messageExpression = `string(lists.range(${count}).all(n, ${inner}))`;
    return { ...subject, 'x-kubernetes-validations': [{ rule: 'true', messageExpression }] };
  };
  return make(enough(make));
}

const MOST = 1e9;
/** Factors below 1.5 are printed with six digits, so that they show each unit of a cost. */
const FACTOR = 1.2;

/** How often the rule must be there so that it costs a little too much. */
function enough(make: (count: number) => JsonSchema): number {
  for (let count = 1; count < MOST; count *= 10) {
    const factor = factorOf(make(count));
    if (factor !== undefined) return Math.max(1, Math.ceil((count * FACTOR) / factor));
  }
  return MOST;
}

/** By how much our estimate exceeds what one rule may cost; 100 for all that is more. */
function factorOf(schema: JsonSchema): number | undefined {
  const errors = schemaRuleErrors({ type: 'object', properties: { spec: schema } }, '');
  const text = errors.map(
    ({ detail }) => /^estimated .* by factor of (?:more than )?([\d.]+)x/.exec(detail)?.[1],
  );
  const factors = text.filter((factor) => factor !== undefined);
  return factors[0] === undefined ? undefined : Number(factors[0]);
}
