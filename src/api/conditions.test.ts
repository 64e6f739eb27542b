import { describe, expect, it } from 'vitest';
import { type Condition, findCondition, isConditionTrue, setCondition, setSummary } from './conditions.ts';

const noon = Date.parse('2030-01-01T12:00:00.250Z');
const later = noon + 60_000;
const booted = {
  type: 'Booted',
  status: 'False',
  reason: 'Starting',
  message: 'wait',
  observedGeneration: 1,
} as const;

describe('setCondition', () => {
  it('adds a condition with the time, in whole seconds', () => {
    expect(setCondition(undefined, booted, noon)).toEqual([
      { ...booted, lastTransitionTime: '2030-01-01T12:00:00Z' },
    ]);
  });

  it('keeps the transition time while the status stays, whatever else changes', () => {
    const first = setCondition([], booted, noon);
    const second = setCondition(
      first,
      { ...booted, reason: 'Slow', message: 'still', observedGeneration: 2 },
      later,
    );
    expect(second).toEqual([
      {
        ...booted,
        reason: 'Slow',
        message: 'still',
        observedGeneration: 2,
        lastTransitionTime: '2030-01-01T12:00:00Z',
      },
    ]);
  });

  it('moves the transition time with the status', () => {
    const first = setCondition([], booted, noon);
    const second = setCondition(first, { ...booted, status: 'True' }, later);
    expect(second[0]?.lastTransitionTime).toBe('2030-01-01T12:01:00Z');
  });

  it('leaves the others and the order alone, and the list that it was given', () => {
    const list = setCondition(setCondition([], booted, noon), { ...booted, type: 'Placed' }, noon);
    const frozen = Object.freeze(list.map((condition) => Object.freeze(condition)));
    const changed = setCondition(frozen, { ...booted, status: 'True' }, later);
    expect(changed.map(({ type, status }) => `${type} ${status}`)).toEqual(['Booted True', 'Placed False']);
  });

  it('keeps reason and message within what the API server accepts', () => {
    const list = setCondition(
      [],
      { ...booted, reason: 'no reason at all!', message: 'x'.repeat(5000) },
      noon,
    );
    expect(list[0]?.reason).toBe('HostProblem');
    expect(list[0]?.message).toHaveLength(4096);
  });

  it('carries no other fields than a condition has', () => {
    const obstacle = { ...booted, isStalled: true };
    expect(setCondition([], obstacle, noon)).toEqual([
      { ...booted, lastTransitionTime: '2030-01-01T12:00:00Z' },
    ]);
  });

  it('gives an equal list when nothing changes', () => {
    const list = setCondition([], booted, noon);
    expect(setCondition(list, booted, later)).toEqual(list);
  });
});

describe('setSummary', () => {
  const readAll = (list: readonly Condition[]) =>
    Object.fromEntries(
      list.map(({ type, status, reason, message }) => [type, `${status} ${reason} ${message}`]),
    );

  it.each([
    ['ready', { Ready: 'True X m', Reconciling: 'False X ', Stalled: 'False X ' }],
    ['reconciling', { Ready: 'False X m', Reconciling: 'True X m', Stalled: 'False X ' }],
    ['stalled', { Ready: 'False X m', Reconciling: 'False X ', Stalled: 'True X m' }],
  ] as const)('says %s in all three conditions', (state, expected) => {
    const list = setSummary(undefined, { state, reason: 'X', message: 'm' }, 4, noon);
    expect(readAll(list)).toEqual(expected);
    expect(list.map((condition) => condition.observedGeneration)).toEqual([4, 4, 4]);
  });

  it('keeps other conditions', () => {
    const list = setSummary(
      setCondition([], booted, noon),
      { state: 'ready', reason: 'X', message: '' },
      4,
      noon,
    );
    expect(findCondition(list, 'Booted')).toMatchObject(booted);
  });
});

describe('isConditionTrue', () => {
  const list = setSummary(undefined, { state: 'ready', reason: 'X', message: '' }, 4, noon);
  it.each([
    ['True', 'Ready', undefined, true],
    ['True, and of this generation', 'Ready', 4, true],
    ['True, but of an older generation', 'Ready', 5, false],
    ['False', 'Stalled', undefined, false],
    ['never set', 'Booted', undefined, false],
  ])('%s', (_name, type, generation, expected) => {
    expect(isConditionTrue(list, type, generation)).toBe(expected);
  });
});
