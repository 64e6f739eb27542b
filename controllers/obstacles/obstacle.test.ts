import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/kube/api-error.ts';
import { StalledError, TransientError, WaitingError } from '../../src/kube/controller/errors.ts';
import { errorOf, obstacleOf, RetryError, stalled, summaryOf, waiting } from './obstacle.ts';
import { isProgress, REASON } from './reasons.ts';

describe('an obstacle', () => {
  const missing = waiting('TemplateNotFound', 'create it');
  const invalid = stalled('InvalidPool', 'swap the two');

  it('stays the same when it is thrown and caught', () => {
    for (const obstacle of [missing, invalid]) expect(obstacleOf(errorOf(obstacle))).toEqual(obstacle);
    expect(errorOf(missing)).toBeInstanceOf(WaitingError);
    expect(errorOf(invalid)).toBeInstanceOf(StalledError);
  });

  it('of a failed attempt is shown, and the attempt repeated', () => {
    const cause = new ApiError({ status: 403, reason: 'Forbidden', message: 'no' });
    const error = new RetryError({ reason: 'ConfigMapRefused', message: 'let it' }, cause);
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ message: 'let it', cause });
    expect(obstacleOf(error)).toEqual(waiting('ConfigMapRefused', 'let it'));
  });

  it.each([
    ['a host that did not answer', new TransientError('away')],
    ['an answer of the API server', new ApiError({ status: 409, reason: 'Conflict', message: 'no' })],
    ['a bug', new TypeError('a bug')],
  ])('is not %s', (_name, error) => {
    expect(obstacleOf(error)).toBeUndefined();
  });

  it('is stalled only while a person must act', () => {
    expect(summaryOf(missing)).toEqual({
      state: 'reconciling',
      reason: 'TemplateNotFound',
      message: 'create it',
    });
    expect(summaryOf(invalid).state).toBe('stalled');
  });
});

describe('the reasons', () => {
  it('have their own names as values', () => {
    for (const [name, reason] of Object.entries(REASON)) {
      expect(reason).toBe(name);
      expect(reason).toMatch(/^[A-Z][A-Za-z0-9]*$/);
    }
  });

  it('of progress are not trouble', () => {
    const all = Object.values(REASON).filter(isProgress);
    expect(all.sort()).toEqual([
      'Deleting',
      'Pending',
      'PoweredOff',
      'ServiceAvailable',
      'Sharing',
      'Stopped',
      'Suspended',
      'TemplateNotReady',
      'Updating',
      'VMUnavailable',
    ]);
    expect(isProgress('ServiceAvailable')).toBe(true);
    expect(isProgress('NoHostFits')).toBe(false);
  });
});
