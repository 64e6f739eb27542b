import { describe, expect, it } from 'vitest';
import { ApiError } from '../api-error.ts';
import { StalledError, TransientError, WaitingError } from './errors.ts';
import {
  done,
  judgeError,
  judgeResult,
  requeueAfter,
  soonest,
  stalled,
  type Verdict,
  waitFor,
} from './outcome.ts';

const byEvent = { type: 'event' } as const;
const byBackoff = { type: 'backoff' } as const;
const inMs = (ms: number) => ({ type: 'after', ms }) as const;
const apiError = (status: number, reason: string, retryAfterSeconds?: number) =>
  new ApiError({ status, reason, message: 'refused', retryAfterSeconds });

describe('the verdict on a result', () => {
  it.each<[string, Verdict, Partial<Verdict>]>([
    ['done', judgeResult(done), { outcome: 'done', next: byEvent, message: '' }],
    [
      'wait',
      judgeResult(waitFor('host h1', 1000)),
      { outcome: 'wait', next: inMs(1000), message: 'host h1' },
    ],
    ['requeueAfter', judgeResult(requeueAfter(20)), { outcome: 'requeueAfter', next: inMs(20) }],
    [
      'stalled',
      judgeResult(stalled('BadDigest', 'sha256 differs')),
      { outcome: 'stalled', next: byEvent, message: 'BadDigest: sha256 differs' },
    ],
  ])('%s', (_name, verdict, expected) => {
    expect(verdict).toMatchObject({ ...expected, isUnexpected: false });
  });
});

describe('the verdict on an error', () => {
  it.each<[string, unknown, Partial<Verdict>]>([
    ['transient', new TransientError('busy'), { outcome: 'retry', next: byBackoff, isUnexpected: false }],
    ['transient until', new TransientError('busy', { retryAfterMs: 7 }), { outcome: 'retry', next: inMs(7) }],
    [
      'waiting',
      new WaitingError('NoHost', 'none fits'),
      { outcome: 'wait', next: inMs(300_000), message: 'NoHost: none fits' },
    ],
    [
      'stalled',
      new StalledError('BadSpec', 'no image'),
      { outcome: 'stalled', next: byEvent, message: 'BadSpec: no image' },
    ],
    ['a conflict', apiError(409, 'Conflict'), { outcome: 'retry', next: byBackoff, isUnexpected: false }],
    [
      'an overload',
      apiError(429, 'TooManyRequests', 3),
      { outcome: 'retry', next: inMs(3000), isUnexpected: false },
    ],
    ['no answer', apiError(0, 'Unreachable'), { outcome: 'retry', next: byBackoff, isUnexpected: false }],
    [
      'a server that is away',
      apiError(503, 'ServiceUnavailable'),
      { outcome: 'retry', next: byBackoff, isUnexpected: false },
    ],
    [
      'a server that fails',
      apiError(500, 'InternalError'),
      { outcome: 'retry', next: byBackoff, isUnexpected: true },
    ],
    ['a refusal', apiError(403, 'Forbidden'), { outcome: 'retry', next: byBackoff, isUnexpected: true }],
    [
      'a mistake of ours',
      new TypeError('x is undefined'),
      { outcome: 'retry', next: byBackoff, isUnexpected: true },
    ],
    ['anything', 'a string', { outcome: 'retry', next: byBackoff, message: 'a string', isUnexpected: true }],
  ])('%s', (_name, error, expected) => {
    expect(judgeError(error)).toMatchObject(expected);
  });
});

describe('the soonest of several results', () => {
  it.each([
    ['of none', [], done],
    ['a time', [done, requeueAfter(500), requeueAfter(100), waitFor('x')], requeueAfter(100)],
    ['a wait before a stall', [stalled('A', 'a'), waitFor('x')], waitFor('x')],
    ['a stall before done', [done, stalled('A', 'a'), done], stalled('A', 'a')],
  ])('%s', (_name, results, expected) => {
    expect(soonest(results)).toEqual(expected);
  });
});
