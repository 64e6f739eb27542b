import { describe, expect, it } from 'vitest';
import { handle } from './handlers.ts';
import type { ActiveState } from './state.ts';
import { bedWith, converging, never, outcomeOf, retry, scopeFor, stalling } from './testing/handler-bed.ts';
import { UUID } from './testing/runner-bed.ts';

describe('the states of an appliance', () => {
  it.each([
    ['vmEnded', 'Broken', true],
    ['waiting', 'Broken', true],
    ['stalled', 'Wrong', false],
  ] as const)(
    '%s: tells why, when it is tried again, and that the service is gone with the VM',
    async (name, reason, isRetried) => {
      const { bed, context } = await bedWith((made, { facts }) => {
        made.vm = { uuid: UUID, state: 'Stopped' };
        facts.record.update({ serviceState: 'ServiceAvailable', accessPoints: ['http://x/'] });
      });
      const stop = new AbortController();
      const error = name === 'stalled' ? stalling : retry;
      const state = { name, scope: scopeFor(context), error, step: 'Disk' } as ActiveState;
      const handled = handle(state, context, stop.signal);
      await bed.paused();
      expect(context.facts.status()).toMatchObject({
        problem: { reason },
        serviceState: 'VMUnavailable',
        accessPoints: [],
      });
      expect(context.facts.problem?.retryAt !== undefined).toBe(isRetried);
      expect(bed.log).toEqual(['changed']);
      stop.abort(new Error('changed'));
      await expect(handled).rejects.toThrow('changed');
    },
  );

  it('converging: leaves the guest to the next state, and closes it when there is none', async () => {
    const { bed, context } = await bedWith();
    const { next } = await outcomeOf(bed, converging(context));
    expect(next).toMatchObject({ name: 'watching' });
    expect(bed.openGuests).toBe(1);
    bed.inspectError = new Error('no /proc');
    await expect(handle(converging(context), context, never)).rejects.toThrow('no /proc');
    expect(bed.openGuests).toBe(1);
  });

  it('converging: a step that was interrupted is no failure', async () => {
    const stop = new AbortController();
    const { bed, context } = await bedWith((made) => {
      made.steps = {
        Disk: async () => {
          stop.abort(new Error('changed'));
          throw retry;
        },
      };
    });
    await expect(handle(converging(context), context, stop.signal)).rejects.toThrow('changed');
    expect(context.facts.status().steps).toMatchObject([{ name: 'Disk', state: 'Running' }]);
    expect(bed.openGuests).toBe(0);
  });

  it('converging: forgets the problem once every step is done', async () => {
    const { bed, context } = await bedWith((_, { facts }) => facts.setProblem(retry, 1000));
    await outcomeOf(bed, converging(context));
    expect(context.facts.problem).toBeUndefined();
  });

  it('vmEnded: starts a VM again ever more slowly that ends soon, and at once again after one that ran long', async () => {
    const { bed, context } = await bedWith();
    const ends = async (ranForMs: number | undefined) => {
      if (ranForMs !== undefined) {
        bed.vm = { uuid: UUID, state: 'Running', runningForMs: ranForMs };
        await context.facts.observe();
      }
      bed.vm = { uuid: UUID, state: 'Crashed' };
      await context.facts.observe();
      return (await outcomeOf(bed, { name: 'vmEnded', scope: scopeFor(context), error: retry })).tookMs;
    };
    expect([await ends(1000), await ends(undefined), await ends(599_000)]).toEqual([1000, 2000, 4000]);
    expect([await ends(600_000), await ends(undefined)]).toEqual([1000, 2000]);
  });

  it('vmEnded: a VM of unknown age has run since it was first seen', async () => {
    const { bed, context } = await bedWith((made) => {
      made.vm = { uuid: UUID, state: 'Running' };
    });
    context.facts.quickEnds = 3;
    await context.facts.observe();
    await bed.clock.advance(700_000);
    await context.facts.observe();
    const { tookMs } = await outcomeOf(bed, { name: 'vmEnded', scope: scopeFor(context), error: retry });
    expect(tookMs).toBe(1000);
  });

  it('removing: is ended by closing alone', async () => {
    const { bed, context } = await bedWith((made) => {
      made.destroyErrors = [retry, retry];
    });
    const interruption = new AbortController();
    const handled = handle({ name: 'removing' }, context, interruption.signal);
    await bed.paused();
    interruption.abort(new Error('changed'));
    await bed.pass(1000);
    expect(context.facts.problem).toMatchObject({ reason: 'Broken' });
    bed.stop();
    await expect(handled).rejects.toThrow('closed');
    expect(bed.log).not.toContain('removed');
  });
});
