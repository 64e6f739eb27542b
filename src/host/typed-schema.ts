/**
 * JSON schemas that carry the TypeScript type of what they let pass. The schema is an ordinary object, which ajv and the
 * OpenAPI document take as it is; the type exists for the compiler only. docs/adr/0038 says why this is not a library.
 */
export type JsonSchema = Readonly<Record<string, unknown>>;

declare const TYPE: unique symbol;
const OPTIONAL = Symbol('optional');

/** A schema of values of type `T`. */
export type Schema<T> = JsonSchema & { readonly [TYPE]: T };
/** A property that may be missing. */
type Optional<T> = { readonly [OPTIONAL]: Schema<T> };
type Properties = Readonly<Record<string, Schema<unknown> | Optional<unknown>>>;

/** The type of the values that the schema lets pass. */
export type Static<S extends Schema<unknown>> = S[typeof TYPE];

type Flat<T> = { readonly [K in keyof T]: T[K] };
type ObjectOf<P extends Properties> = Flat<
  {
    readonly [K in keyof P as P[K] extends Optional<unknown> ? never : K]: P[K] extends Schema<infer T>
      ? T
      : never;
  } & {
    readonly [K in keyof P as P[K] extends Optional<unknown> ? K : never]?: P[K] extends Optional<infer T>
      ? T
      : never;
  }
>;
type UnionOf<Tag extends string, Kinds extends Readonly<Record<string, Properties>>> = {
  [Kind in keyof Kinds]: Flat<{ readonly [T in Tag]: Kind } & ObjectOf<Kinds[Kind]>>;
}[keyof Kinds];

/** Says of a schema which type its values have; the one place where nothing checks that both agree. */
export function typed<T>(schema: JsonSchema): Schema<T> {
  return schema as Schema<T>;
}

/** `T` narrows the type only: the schema lets other strings pass, which a newer daemon may send. */
export function string<T extends string = string>(limits: JsonSchema = {}): Schema<T> {
  return typed({ type: 'string', ...limits });
}

export function integer(minimum: number, maximum: number): Schema<number> {
  return typed({ type: 'integer', minimum, maximum });
}

export function number(limits: JsonSchema = {}): Schema<number> {
  return typed({ type: 'number', ...limits });
}

export function boolean(): Schema<boolean> {
  return typed({ type: 'boolean' });
}

export function enumOf<const Values extends readonly string[]>(values: Values): Schema<Values[number]> {
  return typed({ enum: values });
}

export function arrayOf<T>(items: Schema<T>, maxItems = 65_536): Schema<readonly T[]> {
  return typed({ type: 'array', items, maxItems });
}

/** An object from any name that `names` lets pass to a value. */
export function mapOf<T>(names: Schema<string>, values: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return typed({ type: 'object', maxProperties: 1024, propertyNames: names, additionalProperties: values });
}

export function optional<T>(schema: Schema<T>): Optional<T> {
  return { [OPTIONAL]: schema };
}

/** An object that has these properties and maybe others. */
export function open<const P extends Properties>(properties: P): Schema<ObjectOf<P>> {
  return typed(openSchema(properties));
}

/** An object that has these properties and no others. */
export function closed<const P extends Properties>(properties: P): Schema<ObjectOf<P>> {
  return typed(closedSchema(properties));
}

/** One of several closed objects. The value of `tag` says which. */
export function oneOf<Tag extends string, const Kinds extends Readonly<Record<string, Properties>>>(
  tag: Tag,
  kinds: Kinds,
): Schema<UnionOf<Tag, Kinds>> {
  return typed({
    type: 'object',
    required: [tag],
    discriminator: { propertyName: tag },
    oneOf: Object.entries(kinds).map(([kind, properties]) =>
      closedSchema({ [tag]: typed({ const: kind }), ...properties }),
    ),
  });
}

function closedSchema(properties: Properties): JsonSchema {
  return { ...openSchema(properties), additionalProperties: false };
}

function openSchema(properties: Properties): JsonSchema {
  const entries = Object.entries(properties);
  return {
    type: 'object',
    required: entries.filter(([, property]) => !isOptional(property)).map(([name]) => name),
    properties: Object.fromEntries(
      entries.map(([name, property]) => [name, isOptional(property) ? property[OPTIONAL] : property]),
    ),
  };
}

function isOptional(property: Schema<unknown> | Optional<unknown>): property is Optional<unknown> {
  return OPTIONAL in property;
}
