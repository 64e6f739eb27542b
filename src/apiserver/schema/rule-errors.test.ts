import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '../types.ts';
import { schemaRuleErrors } from './compile.ts';
import { thingSchema } from './testing/thing.ts';

// The sentences in this file are those of kube-apiserver 1.36 for the same schema and objects.

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };

describe('schemaRuleErrors', () => {
  function errorsOf(rules: JsonSchema['x-kubernetes-validations']): string[] {
    const properties = {
      a: text,
      n: integer,
      list: { type: 'array', items: { type: 'object', properties: { x: text } } },
    };
    const root = {
      type: 'object',
      properties: { spec: { type: 'object', properties, 'x-kubernetes-validations': rules } },
    };
    return schemaRuleErrors(root as JsonSchema, 'spec.validation.openAPIV3Schema').map(
      ({ field, detail }) =>
        `${field.replace('spec.validation.openAPIV3Schema.properties[spec].', '')}: ${detail}`,
    );
  }

  it('accepts the rules of a sound schema', () => {
    expect(schemaRuleErrors(thingSchema, '')).toEqual([]);
  });

  it.each([
    [
      'self.nope == 1',
      "compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope == 1\n | ....^",
    ],
    ['has(self.typo)', "undefined field 'typo'"],
    ['self.a +', 'Syntax error'],
    ['self.a', 'cel expression must evaluate to a bool'],
    ["self.n == 'x'", "found no matching overload for '_==_' applied to '(int, string)'"],
    ['self.a.foo()', "ERROR: <input>:1:11: undeclared reference to 'foo' (in container '')"],
    ['unknown == 1', "ERROR: <input>:1:1: undeclared reference to 'unknown' (in container '')"],
    ['self.list.all(i, i.nope == 1)', "undefined field 'nope'"],
  ])('refuses %s', (rule, expected) => {
    const [error, ...others] = errorsOf([{ rule }]);
    expect(others).toEqual([]);
    expect(error).toContain('x-kubernetes-validations[0].rule: ');
    expect(error).toContain(expected);
  });

  it('names the message expression that is wrong', () => {
    expect(errorsOf([{ rule: 'true', messageExpression: 'self.n' }])).toEqual([
      'x-kubernetes-validations[0].messageExpression: messageExpression must evaluate to a string',
    ]);
  });

  it('looks at how rules are written before it compiles any', () => {
    expect(
      errorsOf([
        { rule: '  ' },
        { rule: 'true', fieldPath: '.zz' },
        { rule: 'self.nope' },
        { rule: 'true', message: 'a\nb' },
      ]),
    ).toEqual([
      'x-kubernetes-validations[0].rule: rule is not specified',
      'x-kubernetes-validations[1].fieldPath: must be a valid path',
      'x-kubernetes-validations[3].message: must not contain line breaks',
    ]);
  });

  it('refuses transition rules where old and new do not correspond', () => {
    const list: JsonSchema = {
      type: 'array',
      maxItems: 9,
      items: { type: 'string', maxLength: 9, 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] },
    };
    const errors = schemaRuleErrors({ type: 'object', properties: { list } }, 'root');
    expect(errors.map(({ field, detail }) => [field, detail])).toEqual([
      [
        'root.properties[list].items.x-kubernetes-validations[0].rule',
        'oldSelf cannot be used on the uncorrelatable portion of the schema within root.properties[list]',
      ],
    ]);
  });

  it('refuses rules that are too long together', () => {
    const rule = Array(10_000).fill('true').join('&&');
    expect(errorsOf(Array(3).fill({ rule }))).toEqual([]);
    expect(errorsOf(Array(4).fill({ rule }))).toEqual([
      'spec.validation.openAPIV3Schema: all rules together may not be more than 200000 characters',
    ]);
  });
});
