import { describe, expect, it } from 'vitest';
import { HostError } from './host-error.ts';
import { hostErrors } from './index.ts';
import { lastWords } from './quote.ts';

describe('what a guest printed', () => {
  it('is quoted by its last lines', () => {
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at}`);
    expect(lastWords(`${lines.join('\n')}\n\n`)).toBe(lines.slice(-10).join('\n'));
    expect(lastWords(' \n')).toBe('');
  });

  it('is quoted by its last KiB, however long it and its lines are', () => {
    const quoted = lastWords(`${'ü'.repeat(12_000_000)} the end`);
    expect(Buffer.byteLength(quoted)).toBeLessThanOrEqual(1024);
    expect(quoted).toMatch(/^…ü+ the end$/);
  });

  it('gives a terminal nothing to obey', () => {
    expect(lastWords('\x1b[2J\x1b[1;31mred\x1b[0m\x07\ttab\rover\x9b1A')).toBe('red\ttabover1A');
    expect(new HostError('Any', 'a \x1b]0;title\x07b').message).toBe('a ]0;titleb');
  });
});

describe('the message of an error', () => {
  it('is bounded, whatever part of it a guest gave', () => {
    const flood = 'x'.repeat(12_000_000);
    const errors = [
      hostErrors.guestAgentRefused(flood),
      hostErrors.guestCommandFailed('install it', 1, flood),
      hostErrors.guestCommandTimeout('/bin/x', 10, flood),
      hostErrors.guestDiskFilled(flood),
      hostErrors.addressInUse('10.0.0.1', flood),
      hostErrors.networkNotConfigured('10.0.0.1', flood),
      hostErrors.serviceTimeout('web', 10, flood),
      hostErrors.vmStopped('web-0', 'Crashed', flood),
      hostErrors.internal(new Error(flood)),
    ];
    for (const { message } of errors) expect(Buffer.byteLength(message)).toBeLessThanOrEqual(4096);
  });
});
