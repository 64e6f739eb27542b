import { describe, expect, it } from 'vitest';
import { goRegExp, TooMuchMatchingError } from './go-regexp.ts';

describe('goRegExp', () => {
  it.each([
    ['^([a-z0-9]+-?)+$', `${'a'.repeat(40)}!`, false],
    ['^(a|a)*$', `${'a'.repeat(100_000)}!`, false],
    ['[[:alpha:]]+\\z', '12ab', true],
    ['(?i)^ABC$', 'abc', true],
    ['^.$', '\u{1f600}', true],
    ['\\bx', 'é x', true],
  ])('matches %s as Go does', (pattern, text, expected) => {
    expect(goRegExp(pattern).test(text)).toBe(expected);
  });

  it.each([
    ['(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
    ['\\1', 'error parsing regexp: invalid escape sequence: `\\1`'],
    ['(', 'error parsing regexp: missing closing ): `(`'],
    ['a{1001}', 'error parsing regexp: invalid repeat count: `{1001}`'],
    ['\\', 'error parsing regexp: trailing backslash at end of expression: ``'],
    ['(?:ab{10}){90}x{1000}', undefined],
  ])('takes %s or refuses it, in the words of Go', (pattern, message) => {
    if (message === undefined) expect(goRegExp(pattern).test('x')).toBe(false);
    else expect(() => goRegExp(pattern)).toThrow(new SyntaxError(message));
  });

  it.each(['a{1000}'.repeat(21), '(?:[{1000}]{1000}){1}'.repeat(21), '(?:(?:a{10}b{10}){50}){2}'.repeat(11)])(
    'refuses what would become too large: %s',
    (pattern) => {
      expect(() => goRegExp(pattern)).toThrow(`error parsing regexp: expression too large: \`${pattern}\``);
    },
  );

  it('has the groups of a match, and all matches', () => {
    expect(goRegExp('(a)|(b)').exec('xb')).toEqual(['b', undefined, 'b']);
    expect(goRegExp('z').exec('xb')).toBeUndefined();
    expect(goRegExp('\\d').matchAll('1a2b3', 2)).toEqual([['1'], ['2']]);
    expect(goRegExp('\\d').matchAll('1a2b3')).toHaveLength(3);
  });

  it('refuses a long text where the pattern is large, too', () => {
    const large = goRegExp('(x.{0,900}y.{0,90}z)');
    expect(large.test('x-y-z')).toBe(true);
    expect(() => large.test('x'.repeat(1_000_000))).toThrow(TooMuchMatchingError);
  });
});
