import { describe, expect, it } from 'vitest';
import { type Condition, setCondition } from '../../src/api/conditions.ts';
import { type EventRule, occurrencesOf, warning } from './occurrence.ts';

const READY: EventRule = {
  condition: 'Ready',
  eventType: ({ status, reason }) => {
    if (reason === 'Quiet') return undefined;
    return status === 'True' ? 'Normal' : 'Warning';
  },
};
const FOREIGN: EventRule = {
  condition: 'Foreign',
  isMessageNews: true,
  eventType: ({ status }) => (status === 'True' ? 'Warning' : undefined),
};

function having(type: string, status: Condition['status'], reason: string, message = 'm'): Condition[] {
  return setCondition(undefined, { type, status, reason, message }, 0);
}

describe('the Events that a change of conditions is worth', () => {
  const available = having('Ready', 'True', 'Available');
  const broken = having('Ready', 'False', 'Broken');

  it.each([
    ['the first status', undefined, available, [{ type: 'Normal', reason: 'Available', message: 'm' }]],
    ['another status', available, broken, [{ type: 'Warning', reason: 'Broken', message: 'm' }]],
    [
      'another reason',
      broken,
      having('Ready', 'False', 'Full'),
      [{ type: 'Warning', reason: 'Full', message: 'm' }],
    ],
    ['another message only', broken, having('Ready', 'False', 'Broken', 'n'), []],
    ['a reason without an Event', broken, having('Ready', 'False', 'Quiet'), []],
    ['no such condition', broken, having('Booted', 'True', 'Booted'), []],
  ])('%s', (_name, old, next, expected) => {
    expect(occurrencesOf([READY], old, next)).toEqual(expected);
  });

  it('includes those of another message where the rule says so', () => {
    const foreign = (message: string) => having('Foreign', 'True', 'Foreign', message);
    const event = { type: 'Warning', reason: 'Foreign', message: 'b' };
    expect(occurrencesOf([FOREIGN], foreign('a'), foreign('b'))).toEqual([event]);
    expect(occurrencesOf([FOREIGN], foreign('b'), foreign('b'))).toEqual([]);
    expect(occurrencesOf([FOREIGN], foreign('b'), having('Foreign', 'False', 'None'))).toEqual([]);
  });

  it('asks every rule', () => {
    const both = [...available, ...having('Foreign', 'True', 'Foreign')];
    expect(occurrencesOf([READY, FOREIGN], undefined, both).map(({ type }) => type)).toEqual([
      'Normal',
      'Warning',
    ]);
  });
});

it('a warning says what it is given', () => {
  expect(warning({ reason: 'Gone', message: 'm' })).toEqual({
    type: 'Warning',
    reason: 'Gone',
    message: 'm',
  });
});
