import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../../base/testing/fake-clock.ts';
import type { Guest } from '../../guest/guest.ts';
import type { Scope } from '../scope.ts';
import { bedWith } from '../testing/step-bed.ts';
import { clockStep, suspendStep } from './suspend.ts';

const never = new AbortController().signal;

describe('the suspension of a VM', () => {
  it('is noted before its memory is saved: the clock of a guest that goes on is late, whoever dies meanwhile', async () => {
    const noted: unknown[] = [];
    const suspend = async () => void noted.push(scope.record.current.suspended);
    const { scope } = bedWith(
      { state: 'Running' },
      { suspensions: { suspend, discard: async () => undefined } },
    );
    const step = suspendStep(scope);
    expect(await step.isDone(never)).toBe(false);
    await step.run(never);
    expect(noted).toEqual([true]);
  });

  it('ends the hypervisor that a killed daemon left paused', async () => {
    expect(await suspendStep(bedWith({ state: 'Paused' }).scope).isDone(never)).toBe(false);
  });

  it.each(['Suspended', 'Stopped', 'Crashed'] as const)('leaves a VM that is %s as it is', async (state) => {
    expect(await suspendStep(bedWith({ state }).scope).isDone(never)).toBe(true);
  });

  it('is refused where the hypervisor cannot, and the VM runs on', async () => {
    const probe = async () => ({ name: 'xen' }) as never;
    const { scope, calls } = bedWith({ state: 'Running' }, { probe });
    await expect(suspendStep(scope).run(never)).rejects.toMatchObject({
      reason: 'CannotSuspend',
      kind: 'stalled',
    });
    expect(calls).toEqual([]);
    expect(scope.record.current.suspended).toBeUndefined();
  });
});

describe('the clock of a guest that goes on', () => {
  const bed = (exitCode: number) => {
    const asked: unknown[] = [];
    const { scope } = bedWith({ state: 'Running' });
    const clock = createFakeClock();
    const exec = async (argv: readonly string[]) => {
      asked.push(argv);
      return { exitCode, stdout: '', stderr: 'date: no' };
    };
    scope.record.update({ suspended: true });
    const host = { ...scope.host, clock };
    const changed: Scope = { ...scope, host, guest: { exec } as unknown as Guest };
    return { scope: changed, asked, seconds: Math.round(clock.now() / 1000) };
  };

  it('is set once', async () => {
    const { scope, asked, seconds } = bed(0);
    const step = clockStep(scope);
    expect(await step.isDone(never)).toBe(false);
    await step.run(never);
    expect(asked).toEqual([['date', '-u', '-s', `@${seconds}`]]);
    expect(await step.isDone(never)).toBe(true);
  });

  it('stays to be set when the guest refuses', async () => {
    const { scope } = bed(1);
    await expect(clockStep(scope).run(never)).rejects.toMatchObject({ reason: 'GuestCommandFailed' });
    expect(await clockStep(scope).isDone(never)).toBe(false);
  });
});
