import { describe, expect, it } from 'vitest';
import { hostStatusSchema } from './host-schemas.ts';
import { desiredLayerSchema, layerStatusSchema } from './layer-schemas.ts';
import { applianceStatusSchema, desiredApplianceSchema, errorBodySchema } from './schemas.ts';
import { closed, enumOf, integer, oneOf, open, optional, type Static, string } from './typed-schema.ts';

/** Every schema of an object with named properties inside this one, itself included. */
function objectsIn(schema: unknown): Record<string, unknown>[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const inner = Object.values(schema).flatMap(objectsIn);
  return 'properties' in schema ? [schema as Record<string, unknown>, ...inner] : inner;
}

describe('the schemas of the daemon', () => {
  it.each([
    ['an appliance', desiredApplianceSchema, 12],
    ['a layer', desiredLayerSchema, 1],
  ])('let nothing unknown pass in the request for %s', (_, schema, atLeast) => {
    const objects = objectsIn(schema);
    expect(objects.length).toBeGreaterThanOrEqual(atLeast);
    for (const object of objects) expect(object).toHaveProperty('additionalProperties', false);
  });

  it.each([
    ['an appliance', applianceStatusSchema, 5],
    ['a layer', layerStatusSchema, 2],
    ['the host', hostStatusSchema, 5],
    ['an error', errorBodySchema, 2],
  ])("let a newer daemon's fields pass in the answer about %s", (_, schema, atLeast) => {
    const objects = objectsIn(schema);
    expect(objects.length).toBeGreaterThanOrEqual(atLeast);
    for (const object of objects) expect(object).not.toHaveProperty('additionalProperties');
  });
});

describe('a schema with its type', () => {
  const shape = open({ name: string(), size: optional(integer(1, 9)) });
  const choice = oneOf('kind', { none: {}, some: { mode: enumOf(['a', 'b']) } });

  it('is a plain JSON schema', () => {
    expect(shape).toEqual({
      type: 'object',
      required: ['name'],
      properties: { name: { type: 'string' }, size: { type: 'integer', minimum: 1, maximum: 9 } },
    });
    expect(closed({})).toEqual({ type: 'object', required: [], properties: {}, additionalProperties: false });
    expect(choice).toMatchObject({
      discriminator: { propertyName: 'kind' },
      oneOf: [
        { required: ['kind'], properties: { kind: { const: 'none' } }, additionalProperties: false },
        { required: ['kind', 'mode'], properties: { mode: { enum: ['a', 'b'] } } },
      ],
    });
  });

  it('has the type of what it lets pass', () => {
    const named: Static<typeof shape>[] = [{ name: 'x' }, { name: 'x', size: 3 }];
    // @ts-expect-error a required property is missing
    named.push({ size: 3 });
    const chosen: Static<typeof choice>[] = [{ kind: 'none' }, { kind: 'some', mode: 'b' }];
    // @ts-expect-error no such mode
    chosen.push({ kind: 'some', mode: 'c' });
    // @ts-expect-error answers and requests are read, not changed
    for (const each of named) each.name = 'y';
    expect(named).toHaveLength(3);
  });
});
