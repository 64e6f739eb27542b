import { describe, expect, it } from 'vitest';
import { partRow } from './part-row.ts';

const NOW = Date.parse('2030-01-01T00:00:00Z');
const row = (pid: number | undefined, history?: Parameters<typeof partRow>[2]) =>
  partRow('api', pid, history, 'api.log', NOW).slice(1, -1);

describe('a part in `coppice status`', () => {
  it('runs, with its restarts', () => {
    expect(row(7, { restarts: 0 })).toEqual(['running', '7', '0']);
    expect(row(7, { restarts: 2, lastAt: NOW - 90_000 })).toEqual(['running', '7', '2 (90s ago)']);
    expect(row(7, { restarts: 2, lastAt: NOW - 300_000 })).toEqual(['running', '7', '2 (5m ago)']);
    expect(row(7, { restarts: 2, lastAt: NOW - 10_800_000 })).toEqual(['running', '7', '2 (3h ago)']);
    expect(row(7, { restarts: 2, lastAt: NOW - 864_000_000 })).toEqual(['running', '7', '2 (10d ago)']);
  });

  it('is stopped, and says when it starts again', () => {
    expect(row(undefined)).toEqual(['stopped', '-', '-']);
    expect(row(undefined, { restarts: 1, lastAt: NOW - 5000, nextAt: NOW + 1500 })).toEqual([
      'stopped, starts again in 2s',
      '-',
      '1 (5s ago)',
    ]);
    expect(row(undefined, { restarts: 0 })).toEqual(['stopped, starts again in 0s', '-', '0']);
  });
});
