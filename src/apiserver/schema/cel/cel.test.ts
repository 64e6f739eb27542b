import { describe, expect, it } from 'vitest';
import { renderFieldError } from '../../field-errors.ts';
import type { JsonObject, JsonSchema, JsonValue, ValidationRule } from '../../types.ts';
import { compileSchema, schemaRuleErrors } from '../compile.ts';

// What these expressions give was seen on kube-apiserver 1.36 with the same schema and object.

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };
const numbers: JsonSchema = { type: 'array', items: integer };

const properties: Record<string, JsonSchema> = {
  s: text,
  absent: text,
  nullable: { type: 'string', nullable: true },
  i: integer,
  d: { type: 'number' },
  whole: { type: 'number' },
  b: { type: 'boolean' },
  o: { type: 'object', properties: { x: integer, y: integer } },
  l: numbers,
  words: { type: 'array', items: text },
  m: { type: 'object', additionalProperties: text },
  ml: {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
    items: { type: 'object', required: ['k'], properties: { k: text, v: integer } },
  },
  port: { 'x-kubernetes-int-or-string': true },
  percent: { 'x-kubernetes-int-or-string': true },
  namespace: text,
  'my-field': text,
  'a.b': text,
  u__v: text,
  'sl/ash': text,
  memory: text,
  dur: { type: 'string', format: 'duration' },
  dt: { type: 'string', format: 'date-time' },
  day: { type: 'string', format: 'date' },
  by: { type: 'string', format: 'byte' },
  emb: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } },
};

const spec: JsonObject = {
  s: 'hello',
  nullable: null,
  i: 5,
  d: 1.5,
  whole: 3,
  b: true,
  o: { x: 1 },
  l: [1, 2, 3],
  words: ['ccc', 'a', 'b'],
  m: { a: 'x', b: 'y' },
  ml: [
    { k: 'one', v: 1 },
    { k: 'two', v: 2 },
  ],
  port: 80,
  percent: '50%',
  namespace: 'ns',
  'my-field': 'dash',
  'a.b': 'dot',
  u__v: 'us',
  'sl/ash': 'sl',
  memory: '2Gi',
  dur: '1h30m',
  dt: '2024-02-03T04:05:06Z',
  day: '2024-02-02',
  by: 'aGVsbG8=',
  emb: { apiVersion: 'v1', kind: 'X', metadata: { name: 'n' }, spec: {} },
};

function schemaWith(...rules: ValidationRule[]): JsonSchema {
  return {
    type: 'object',
    properties: { spec: { type: 'object', properties, 'x-kubernetes-validations': rules } },
  };
}

function outcome(rule: ValidationRule, value: JsonValue = spec, old?: JsonValue): string[] {
  const schema = schemaWith(rule);
  // Many may cost too much on values without bounds.
  expect(schemaRuleErrors(schema, '').filter(({ type }) => type !== 'Forbidden')).toEqual([]);
  const object = (content: JsonValue): JsonObject => ({ apiVersion: 'v', kind: 'K', spec: content });
  const errors = compileSchema(schema).validate(object(value), old === undefined ? undefined : object(old));
  return errors.map((error) => `${error.field}: ${renderFieldError(error).message}`);
}

describe('expressions that hold', () => {
  it.each([
    'self.s.startsWith("he") && self.s.endsWith("lo") && self.s.contains("ell")',
    'self.s.matches("^h.*o$") && self.s.matches("(?i)^H[[:alpha:]]+$") && !".matches(".contains("x")',
    'self.s.upperAscii() == "HELLO" && "HeLLo".lowerAscii() == "hello"',
    'self.s.replace("l", "L") == "heLLo" && self.s.replace("l", "L", 1) == "heLlo"',
    '"a,b,c".split(",", 2) == ["a", "b,c"] && ["a", "b"].join("-") == "a-b"',
    'self.s.substring(1, 3) == "el" && self.s.charAt(0) == "h"',
    'self.s.find("l+") == "ll" && self.s.findAll("[a-z]", 2) == ["h", "e"]',
    '"%s is %d and %.2f".format(["x", 3, 1.5]) == "x is 3 and 1.50"',
    '"%x %X %o %b".format([255, -255, 8, 5]) == "ff -FF 10 101"',
    `"%s %s %s".format([[1,2], {"a": 1}, true]) == '[1, 2] {"a":1} true'`,
    '"%e".format([1234.5678]) == "1.234568×10⁰³"',
    'strings.quote("a\\"b") == "\\"a\\\\\\"b\\""',
    'self.i / 2 == 2 && self.i % 2 == 1 && self.i > 4.5 && -self.i == -5',
    'self.d == 1.5 && double(self.i) == 5.0 && int(self.d) == 1 && string(self.i) == "5"',
    'type(self.i) == int && type(self.whole) == double && self.whole == 3.0',
    'has(self.o.x) && !has(self.o.y) && !has(self.absent) && !has(self.nullable)',
    'self.l == [1, 2, 3] && self.l.all(x, x > 0) && self.l.exists_one(x, x == 3)',
    'self.l.map(x, x > 1, x * 2) == [4, 6] && self.l.filter(x, x > 1) == [2, 3]',
    'self.l.sum() == 6 && self.l.min() == 1 && self.l.max() == 3 && [1.5, 2.5].sum() == 4.0',
    '[duration("1m"), duration("1s")].sum() == duration("61s")',
    'self.l.isSorted() && !self.words.isSorted() && self.l.indexOf(2) == 1 && self.l.lastIndexOf(9) == -1',
    '[3, 1, 2].sort() == [1, 2, 3] && [1, 1, 2].distinct() == [1, 2] && [1, 2].reverse() == [2, 1]',
    '[1, 2, 3].slice(1, 3) == [2, 3] && [[1], [2]].flatten() == [1, 2] && lists.range(2) == [0, 1]',
    'sets.contains([1, 2], [2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 2], [2, 1, 1])',
    'self.m["a"] == "x" && "a" in self.m && !("zz" in self.m) && self.m.all(k, self.m[k].size() == 1)',
    'self.m == {"a": "x", "b": "y"} && self.m.size() == 2',
    '!("constructor" in self.m) && !("toString" in self.m) && !("__proto__" in self.m)',
    '!("constructor" in {"a": 1})',
    'self.ml.filter(e, e.k == "one")[0].v == 1 && self.ml.map(e, e.v).sum() == 3',
    'self.port == 80 && self.port > 1 && self.percent.endsWith("%") && type(self.percent) == string',
    'self.__namespace__ == "ns" && self.my__dash__field == "dash" && self.a__dot__b == "dot"',
    'self.u__underscores__v == "us" && self.sl__slash__ash == "sl"',
    'quantity("1.5Gi").isGreaterThan(quantity("1G")) && quantity("1000m") == quantity("1")',
    'quantity("50k").add(20).sub(quantity("100k")).sub(-50000) == quantity("20")',
    'quantity(self.memory).asInteger() == 2147483648 && !quantity("1.5").isInteger()',
    'isQuantity("1e3") && isQuantity("5E") && isQuantity(".5") && !isQuantity("1,3") && !isQuantity("200K")',
    'isIP("1.2.3.4") && isIP("::1") && !isIP("01.2.3.4") && !isIP("fe80::1%eth0") && !isIP("::ffff:1.2.3.4")',
    'ip("1.2.3.4") == ip("1.2.3.4") && ip("::1").family() == 6 && !ip.isCanonical("2001:DB8::1")',
    'ip("127.0.0.1").isLoopback() && ip("169.254.1.1").isLinkLocalUnicast() && ip("10.0.0.1").isGlobalUnicast()',
    'string(ip("2001:DB8::1")) == "2001:db8::1" && ip("224.0.0.1").isLinkLocalMulticast()',
    'isCIDR("10.0.0.0/8") && !isCIDR("10.0.0.0/33") && cidr("10.0.0.0/8").containsIP("10.1.2.3")',
    'cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16") && !cidr("10.1.0.0/16").containsCIDR(cidr("10.0.0.0/8"))',
    'cidr("10.1.2.3/9").masked() == cidr("10.0.0.0/9") && cidr("10.1.2.3/8").prefixLength() == 8',
    'isURL("https://example.com:80/p?q=1#f") && !isURL("../x") && isURL("/abs") && !isURL("https://a:b:c/")',
    'url("https://[::1]:80/").getHostname() == "::1" && url("https://u:p@e.com:80/").getHost() == "e.com:80"',
    'url("https://e.com/p?k1=a&k2=b&k2=c").getQuery() == {"k1": ["a"], "k2": ["b", "c"]}',
    'url("https://e.com/a b/").getEscapedPath() == "/a%20b/" && url("HTTPS://x/").getScheme() == "https"',
    'self.dur == duration("90m") && self.dur > duration("1h") && string(duration("1.5s")) == "1.5s"',
    'self.dt.getFullYear() == 2024 && self.dt.getMonth() == 1 && self.day.getDayOfMonth() == 1',
    'string(timestamp("2024-01-01T00:00:00.5Z")) == "2024-01-01T00:00:00.5Z"',
    'self.by == b"hello" && size(self.by) == 5',
    '!format.dns1123Label().validate("ok-1").hasValue() && format.dns1123Label().validate("No").hasValue()',
    'format.named("uuid").hasValue() && !format.named("nope").hasValue()',
    'self.?absent.orValue("d") == "d" && self.?o.x.orValue(7) == 1 && self.m[?"zz"].orValue("n") == "n"',
    'self.emb.kind == "X" && self.emb.metadata.name == "n" && self.o == self.o && self.ml == self.ml',
    'true || self.l[9] == 1',
  ])('%s', (rule) => {
    expect(outcome({ rule })).toEqual([]);
  });
});

describe('expressions that fail while they run', () => {
  it.each([
    ['self.l[9] == 1', 'index out of bounds: 9 evaluating rule: it'],
    ['self.m["zz"] == "x"', 'no such key: zz evaluating rule: it'],
    ['self.o.y == 3', 'no such key: y evaluating rule: it'],
    ['self.nullable == "x"', 'no such key: nullable evaluating rule: it'],
    ['self.i / 0 == 1', 'division by zero evaluating rule: it'],
    ['[1].filter(x, x > 1).min() == 1', 'min called on empty list evaluating rule: it'],
    [
      'ip("x").family() == 4',
      'IP Address "x" parse error during conversion from string: ParseAddr("x"): unable to parse IP evaluating rule: it',
    ],
    [
      'self.port.startsWith("x")',
      "'no such overload': call arguments did not match a supported operator, function or macro signature for rule: it",
    ],
  ])('%s', (rule, expected) => {
    expect(outcome({ rule, message: 'it' })).toEqual([`spec: Invalid value: "object": ${expected}`]);
  });
});

describe('messages', () => {
  it.each<[Omit<ValidationRule, 'rule'>, string]>([
    [{}, 'spec: Invalid value: failed rule: self.i > 9'],
    [{ message: ' too small ' }, 'spec: Invalid value: too small'],
    [{ messageExpression: "'i is ' + string(self.i)" }, 'spec: Invalid value: i is 5'],
    [{ messageExpression: 'self.o.y == 1 ? "a" : "b"', message: 'else' }, 'spec: Invalid value: else'],
    [{ messageExpression: '" "', message: 'else' }, 'spec: Invalid value: else'],
    [{ message: 'm', fieldPath: '.o.x' }, 'spec.o.x: Invalid value: m'],
    [{ message: 'm', fieldPath: ".m['a b']" }, 'spec.m[a b]: Invalid value: m'],
    [{ message: 'm', reason: 'FieldValueForbidden' }, 'spec: Forbidden: m'],
    [{ message: 'm', reason: 'FieldValueRequired' }, 'spec: Required value: m'],
    [{ message: 'm', reason: 'FieldValueDuplicate' }, 'spec: Duplicate value'],
  ])('%j', (extra, expected) => {
    expect(outcome({ rule: 'self.i > 9', ...extra })).toEqual([expected]);
  });
});

describe('transition rules', () => {
  const immutable: ValidationRule = { rule: 'self.ml == oldSelf.ml', message: 'immutable' };

  it('do not run without an old value, unless it is optional', () => {
    expect(outcome(immutable)).toEqual([]);
    const optional = { rule: '!oldSelf.hasValue()', optionalOldSelf: true, message: 'not new' };
    expect(outcome(optional)).toEqual([]);
    expect(outcome(optional, spec, { ...spec, i: 6 })).toEqual(['spec: Invalid value: not new']);
    expect(outcome({ ...optional, rule: 'oldSelf.orValue(self).i == 6' }, spec, { ...spec, i: 6 })).toEqual(
      [],
    );
  });

  it('compare map-type lists whatever their order', () => {
    const [one, two] = spec.ml as JsonValue[];
    expect(outcome(immutable, spec, { ...spec, ml: [two ?? null, one ?? null] })).toEqual([]);
    expect(outcome(immutable, spec, { ...spec, ml: [one ?? null] })).toEqual([
      'spec: Invalid value: immutable',
    ]);
  });
});
