import { describe, expect, it } from 'vitest';
import { checkTimeout } from './timeout.ts';

function check(timeout: string): void {
  checkTimeout(new URLSearchParams({ timeout }));
}

describe('checkTimeout', () => {
  it.each(['', '0', '-0', '10s', '1h30m', '.5s', '1.s', '+5s', '-1ms', '1µs'])('takes %j', (timeout) => {
    expect(() => check(timeout)).not.toThrow();
  });

  it.each([
    ['invalid', 'time: invalid duration "invalid"'],
    ['-', 'time: invalid duration "-"'],
    ['10', 'time: missing unit in duration "10"'],
    ['1x', 'time: unknown unit "x" in duration "1x"'],
    ['1s2', 'time: missing unit in duration "1s2"'],
  ])('refuses %j', (timeout, why) => {
    expect(() => check(timeout)).toThrow(`invalid timeout specified in the request URL - ${why}`);
  });
});
