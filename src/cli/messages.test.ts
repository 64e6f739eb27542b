import { describe, expect, it } from 'vitest';
import { ApiError } from '../kube/api-error.ts';
import { explainError } from './errors.ts';
import { formatSeconds, formatTable } from './table.ts';

describe('output for people', () => {
  it('tables are as wide as necessary, without blanks at the end of lines', () => {
    expect(
      formatTable(
        ['A', 'LONG', 'C'],
        [
          ['aaa', 'b', ''],
          ['a', '-', 'c'],
        ],
      ),
    ).toBe('A    LONG  C\naaa  b\na    -     c');
    expect(formatTable(['A', 'B'], [])).toBe('A  B');
    expect(formatSeconds(1.25)).toBe('1.3s');
  });

  it.each([
    [
      new ApiError({ status: 0, reason: 'Unreachable', message: 'no answer' }),
      'no answer\nIs Coppice running?',
    ],
    [new ApiError({ status: 404, reason: 'NotFound', message: 'no x' }), 'no x\nSee `coppice get -A`'],
    [new ApiError({ status: 403, reason: 'Forbidden', message: 'not you' }), 'not you'],
    [
      Object.assign(new Error('ENOENT'), { code: 'ENOENT', path: '/x/kubeconfig' }),
      '/x/kubeconfig does not exist: start',
    ],
    [Object.assign(new Error('ENOENT'), { code: 'ENOENT', path: '/x/y' }), '/x/y does not exist'],
    [
      Object.assign(new Error('EACCES: no'), { code: 'EACCES', path: '/x' }),
      'EACCES: no\nrun it as the user',
    ],
    [Object.assign(new Error('ENOSPC: no'), { code: 'ENOSPC' }), 'the disk is full: free space'],
    [new Error('plain'), 'plain'],
    ['thrown', 'thrown'],
  ])('%s comes with advice', (error, text) => {
    expect(explainError(error).startsWith(text) || explainError(error).includes(`\n${text}`)).toBe(true);
  });
});
