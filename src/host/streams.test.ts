import { describe, expect, it } from 'vitest';
import {
  CHANNELS,
  decodeMessage,
  encodeMessage,
  execQuery,
  exitCodeOf,
  exitStatus,
  failureStatus,
} from './streams.ts';

describe('a message', () => {
  it('has its channel first, then any bytes', () => {
    const data = Buffer.of(0, 255, 10);
    const message = encodeMessage(CHANNELS.stderr, data);
    expect([...message]).toEqual([2, 0, 255, 10]);
    expect(decodeMessage(message)).toEqual({ channel: 2, data });
    expect(decodeMessage(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('a status', () => {
  it.each([0, 1, 143, 255])('gives back exit code %d', (code) => {
    expect(exitCodeOf(exitStatus(code))).toBe(code);
  });

  it('is what kubectl understands', () => {
    expect(exitStatus(0)).toEqual({ metadata: {}, status: 'Success' });
    expect(exitStatus(7)).toEqual({
      metadata: {},
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: 'command terminated with exit code 7',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
  });

  it('has no exit code when something else ended the program', () => {
    expect(exitCodeOf(failureStatus('Timeout', 'too late', 504))).toBeUndefined();
  });
});

describe('execQuery', () => {
  it('repeats `command`, and leaves out what is not asked for', () => {
    expect(execQuery({ command: ['sh', '-c', 'a & b=1'] })).toBe('command=sh&command=-c&command=a+%26+b%3D1');
    expect(execQuery({ command: ['x'], stdin: true, tty: true, timeoutSeconds: 5 })).toBe(
      'command=x&stdin=true&tty=true&timeoutSeconds=5',
    );
  });
});
