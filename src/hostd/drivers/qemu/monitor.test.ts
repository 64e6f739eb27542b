import { describe, expect, it } from 'vitest';
import { readCondition } from './monitor.ts';

const qmpOf = (answers: Readonly<Record<string, unknown>>) => ({
  execute: async (command: string) => answers[command],
});

describe('readCondition', () => {
  it.each([
    ['running', 'Running', undefined],
    ['paused', 'Paused', undefined],
    ['guest-panicked', 'Crashed', 'GuestPanicked'],
    ['internal-error', 'Crashed', 'HypervisorError'],
    ['shutdown', 'Stopped', undefined],
  ])('reads %s as %s', async (status, state, reason) => {
    const condition = await readCondition(qmpOf({ 'query-status': { status } }));
    expect(condition.state).toBe(state);
    expect(condition.problem?.reason).toBe(reason);
  });

  it.each([
    ['nospace', 'DiskFull'],
    ['failed', 'DiskError'],
  ])('reads the disk’s state %s as a pause for the reason %s', async (ioStatus, reason) => {
    const condition = await readCondition(
      qmpOf({
        'query-status': { status: 'io-error' },
        'query-block': [{ 'io-status': 'ok' }, { 'io-status': ioStatus }],
      }),
    );
    expect(condition).toMatchObject({ state: 'Paused', problem: { reason } });
  });
});
