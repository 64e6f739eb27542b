import { describe, expect, it } from 'vitest';
import { formatCheck } from './formats.ts';

// What is right and wrong was seen on kube-apiserver 1.36.

const cases: readonly (readonly [format: string, right: readonly string[], wrong: readonly string[]])[] = [
  [
    'date-time',
    ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.123+02:00', '2024-01-01t00:00:00z'],
    [
      '2024-01-01 00:00:00Z',
      '2024-01-01T24:00:00Z',
      '2024-01-01T00:00:60Z',
      '2024-13-01T00:00:00Z',
      '2024-01-01T00:00:00',
    ],
  ],
  ['date', ['2024-02-29', '0000-01-01'], ['2024-02-30', '24-02-01', '2024-1-1', '', '2024-02-29 ']],
  ['duration', ['1h', '2 days', '1.5h', '-3s', '0', '1h 30m', '3 wk', '1µs'], ['5', '10 parsecs', 'µs', '']],
  [
    'uri',
    ['http://x', '/abs', 'mailto:x@y', 'a:b', 'http://', '//host/path', 'http://[::1]:80'],
    ['x', '', '1http://x', 'http://a b/'],
  ],
  [
    'email',
    ['a@b.c', 'Bob <a@b>', '"a b"@c', 'a@[1.2.3.4]'],
    ['a@', '@b', 'a b@c', 'a@b c', 'a@b..c', 'a.@b.c', 'a@b.c>', ''],
  ],
  ['ipv4', ['1.2.3.4', '01.2.3.4', '::ffff:1.2.3.4'], ['1.2.3', '1.2.3.256', ' 1.2.3.4', '']],
  ['ipv6', ['::1', '2001:db8::1', '::ffff:1.2.3.4'], ['1.2.3.4', 'fe80::1%eth0', '1::2::3', '']],
  ['cidr', ['10.0.0.0/8', '10.0.0.1/8', '::/0'], ['10.0.0.0', '10.0.0.0/33', '']],
  [
    'uuid',
    ['123e4567-e89b-12d3-a456-426614174000', '123E4567e89b12d3a456426614174000'],
    ['123e4567-e89b-12d3-a456-42661417400', 'g23e4567-e89b-12d3-a456-426614174000', ''],
  ],
  ['byte', ['aGk='], ['aGk', 'a', 'a-_=', 'YQ==YQ==', 'YWJj\nZGVm']],
  [
    'hostname',
    ['a.bc', 'a', 'EXAMPLE.com', 'xn--bcher-kva.example'],
    ['a_b', '-a', 'a..b', 'a-.com', 'example.com.', '1.2.3.4', ''],
  ],
  ['mac', ['00:11:22:33:44:55', '0011.2233.4455', '00-11-22-33-44-55', '0123456789ab'], ['00:11:22', '']],
  ['isbn', ['0321751043', '978-0321751041'], ['0321751044', 'x']],
  ['hexcolor', ['#FFF', 'a1b2c3'], ['#FFFF', 'red']],
  ['k8s-short-name', ['web-1'], ['Web', '-web', 'web.1']],
  ['k8s-long-name', ['web-1.example'], ['web..example', 'Web']],
];

describe('formatCheck', () => {
  it.each(cases)('%s', (format, right, wrong) => {
    const fits = formatCheck(format);
    expect(right.filter((text) => fits?.(text) !== true)).toEqual([]);
    expect(wrong.filter((text) => fits?.(text) !== false)).toEqual([]);
  });

  it('knows nothing of other formats', () => {
    expect(formatCheck('whatever')).toBeUndefined();
    expect(formatCheck('')).toBeUndefined();
    expect(formatCheck('constructor')).toBeUndefined();
  });
});
