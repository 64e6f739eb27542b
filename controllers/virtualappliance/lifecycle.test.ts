import { describe, expect, it } from 'vitest';
import { TransientError } from '../../src/kube/controller/errors.ts';
import { errorOf, RetryError, stalled, waiting } from '../obstacles/obstacle.ts';
import { runPhases } from './lifecycle.ts';
import { blocked, found, type Phase, phaseDone, type Scope } from './scope.ts';

describe('the phases of an appliance', () => {
  const scope = {} as Scope;
  const obstacle = waiting('TemplateNotFound', 'create it');
  const fails =
    (error: unknown): Phase =>
    () =>
      Promise.reject(error);

  /** The result of a phase, and whether the phase after it ran. */
  async function run(phase: Phase) {
    let wentOn = false;
    const next: Phase = () => {
      wentOn = true;
      return phaseDone;
    };
    return { result: await runPhases(scope, [phase, next]), wentOn };
  }

  it('run in their order until one is not done', async () => {
    expect(await run(() => phaseDone)).toEqual({ result: phaseDone, wentOn: true });
    expect(await run(() => blocked(obstacle))).toEqual({ result: blocked(obstacle), wentOn: false });
    expect(await run(() => ({ type: 'away' }))).toEqual({ result: { type: 'away' }, wentOn: false });
  });

  it.each([obstacle, stalled('InvalidPool', 'swap the two')])(
    'are blocked by an error: $reason',
    async (one) => {
      expect(await run(fails(errorOf(one)))).toEqual({ result: blocked(one), wentOn: false });
    },
  );

  it('are repeated after a failed attempt, with the obstacle if it is known', async () => {
    const unanswered = new TransientError('away');
    expect((await run(fails(unanswered))).result).toEqual({
      type: 'retry',
      error: unanswered,
      obstacle: undefined,
    });
    const refused = new RetryError({ reason: 'DiskFull', message: 'free some' }, undefined);
    expect((await run(fails(refused))).result).toEqual({
      type: 'retry',
      error: refused,
      obstacle: waiting('DiskFull', 'free some'),
    });
  });

  it('pass on an unforeseen error', async () => {
    await expect(run(fails(new TypeError('a bug')))).rejects.toThrow('a bug');
    const early: Phase = (one) => {
      found(one, 'template');
      return phaseDone;
    };
    await expect(run(early)).rejects.toThrow(/template is needed/);
  });
});
