import { describe, expect, it } from 'vitest';
import { logDirectoryOf } from './console.ts';

describe('where xenconsoled keeps its logs', () => {
  it.each([
    [['xenconsoled', '--pid-file', '/run/xenconsoled.pid'], undefined],
    [['xenconsoled', '--log=none'], undefined],
    [['xenconsoled', '--log=hv'], undefined],
    [['xenconsoled', '--log=guest', '--pid-file', '/run/x'], '/var/log/xen/console'],
    [['xenconsoled', '--log', 'all', '--log-dir', '/srv/logs'], '/srv/logs'],
    [['xenconsoled', '--log-dir=/srv/logs', '--log=guest'], '/srv/logs'],
  ] as const)('%j', (argv, expected) => {
    expect(logDirectoryOf(argv)).toBe(expected);
  });
});
