import { describe, expect, it } from 'vitest';
import { isEmptySelector, matchesSelector } from './selector.ts';

const labels = { disk: 'ssd', zone: 'north' };

describe('matchesSelector', () => {
  it.each([
    ['nothing asked', {}, true],
    ['an equal label', { matchLabels: { disk: 'ssd' } }, true],
    ['another value', { matchLabels: { disk: 'hdd' } }, false],
    ['one of two labels', { matchLabels: { disk: 'ssd', zone: 'south' } }, false],
    ['a name of Object.prototype', { matchLabels: { constructor: 'x' } }, false],
    [
      'In with the value',
      { matchExpressions: [{ key: 'zone', operator: 'In', values: ['south', 'north'] }] },
      true,
    ],
    [
      'In without the value',
      { matchExpressions: [{ key: 'zone', operator: 'In', values: ['south'] }] },
      false,
    ],
    ['In on an absent key', { matchExpressions: [{ key: 'rack', operator: 'In', values: ['1'] }] }, false],
    [
      'NotIn with the value',
      { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['north'] }] },
      false,
    ],
    [
      'NotIn on an absent key',
      { matchExpressions: [{ key: 'rack', operator: 'NotIn', values: ['1'] }] },
      true,
    ],
    ['Exists', { matchExpressions: [{ key: 'zone', operator: 'Exists' }] }, true],
    ['Exists on an absent key', { matchExpressions: [{ key: 'rack', operator: 'Exists' }] }, false],
    ['DoesNotExist', { matchExpressions: [{ key: 'rack', operator: 'DoesNotExist' }] }, true],
    [
      'DoesNotExist on a present key',
      { matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] },
      false,
    ],
    ['an operator that does not exist', { matchExpressions: [{ key: 'zone', operator: 'Gt' }] }, false],
    [
      'labels and an expression that fails',
      { matchLabels: { disk: 'ssd' }, matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] },
      false,
    ],
  ])('%s', (_case, selector, expected) => {
    expect(matchesSelector(selector, labels)).toBe(expected);
  });
});

describe('isEmptySelector', () => {
  it('recognises a selector without requirements', () => {
    expect([undefined, {}, { matchLabels: {} }, { matchExpressions: [] }].every(isEmptySelector)).toBe(true);
    expect(isEmptySelector({ matchLabels: { a: 'b' } })).toBe(false);
    expect(isEmptySelector({ matchExpressions: [{ key: 'a', operator: 'Exists' }] })).toBe(false);
  });
});
