import { describe, expect, it } from 'vitest';
import { readYaml, YamlError } from './yaml.ts';

describe('readYaml', () => {
  it.each([
    ['', null],
    ['# nothing', null],
    ['a: yes\nb: no\nc: 010x\nd: 2026-01-01', { a: true, b: false, c: '010x', d: '2026-01-01' }],
    ['a: 1\n---\nb: 2', { a: 1 }],
    ['a: &x {b: 1}\nc: {<<: *x, d: 2}', { a: { b: 1 }, c: { b: 1, d: 2 } }],
    ['{"a": 1, "a": 2}', { a: 2 }],
  ])('reads %j as Go does', (text, value) => {
    expect(readYaml(text).value).toEqual(value);
  });

  it('names keys that occur again, those of inner maps first, by the line of the value', () => {
    const text = 'a: 1\nb:\n  c: &x [1, {d: 1, d: *y}]\n  c:\n    2\n"a":\n';
    expect(readYaml(text.replace('*y', '2')).repeated).toEqual([
      'line 3: key "d" already set in map',
      'line 5: key "c" already set in map',
      'line 6: key "a" already set in map',
    ]);
  });

  it.each([
    'a: [',
    'a: b: c',
    'a: &x {b: *x}',
    `a: &x 1\nb: [${'*x, '.repeat(20)}]`,
    '[1]: 2',
    '['.repeat(20_000),
  ])('refuses what is none, or too much', (text) => {
    expect(() => readYaml(text)).toThrow(YamlError);
  });

  it('finds the lines of many repeated keys in no time that matters', () => {
    const text = `a: 0\n${'a: 1\n'.repeat(100_000)}`;
    expect(readYaml(text).repeated.at(-1)).toBe('line 100001: key "a" already set in map');
  });
});
