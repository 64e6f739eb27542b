import { describe, expect, it } from 'vitest';
import { runToEnd } from '../../base/testing/run-to-end.ts';
import type { StepName } from '../../host/protocol.ts';
import { HostError } from '../errors/index.ts';
import { handle } from './handlers.ts';
import type { Scope } from './scope.ts';
import { type ActiveState, type State, type StateContext, TRANSITIONS } from './state.ts';
import { PACE, RunnerBed, UUID } from './testing/runner-bed.ts';

const retry = new HostError('Broken', 'it is broken');
const stalling = new HostError('Wrong', 'it is wrong', { kind: 'stalled' });
const never = new AbortController().signal;

async function bedWith(prepare: (bed: RunnerBed, context: StateContext) => unknown = () => undefined) {
  const bed = new RunnerBed();
  const context = bed.context();
  await context.facts.load();
  await prepare(bed, context);
  bed.log.length = 0;
  return { bed, context };
}

function scopeFor({ host, facts }: StateContext): Scope {
  const guest = host.driver.guest(UUID, '/nowhere');
  const { desired, directory, record } = facts;
  if (desired === undefined) throw new Error('nothing is desired');
  return { host, desired, directory, record, guest, installed: undefined, packageFetch: undefined };
}

/** Does what a state does, time passing as soon as nothing else can happen; resolves with what came of it, and when. */
async function outcomeOf(bed: RunnerBed, state: ActiveState, signal = never) {
  const context = bed.context();
  const { result, tookMs } = await runToEnd(bed.clock, handle(state, context, signal));
  return { next: result, name: result.name, tookMs };
}

type Scenario = {
  readonly title: string;
  readonly from: ActiveState['name'];
  readonly to: State['name'];
  /** Brings it about, and returns the state. */
  readonly given: (bed: RunnerBed, context: StateContext) => ActiveState;
  readonly takesMs?: number;
};

const fails = (error: HostError) => async () => {
  throw error;
};
const gone = { kind: 'vmGone', error: retry } as const;
const silent = { kind: 'serviceSilent' } as const;

const scenarios: readonly Scenario[] = [
  {
    title: 'nobody could read what is desired',
    ...{ from: 'deciding', to: 'loading' },
    given: (_, { facts }) => {
      facts.desired = undefined;
      return { name: 'deciding' };
    },
  },
  {
    title: 'it is known what is desired',
    ...{ from: 'deciding', to: 'converging' },
    given: () => ({ name: 'deciding' }),
  },
  {
    title: 'it is to be deleted, whatever else is known',
    ...{ from: 'deciding', to: 'removing' },
    given: (_, { facts }) => {
      facts.desired = undefined;
      facts.deleting = true;
      return { name: 'deciding' };
    },
  },
  {
    title: 'its files are read',
    ...{ from: 'loading', to: 'deciding' },
    given: () => ({ name: 'loading' }),
  },
  {
    title: 'its files cannot be read',
    ...{ from: 'loading', to: 'unreadable' },
    given: (bed) => {
      bed.files.desired = new Error('not JSON');
      return { name: 'loading' };
    },
  },
  {
    title: 'its files cannot be read, and it is to be deleted',
    ...{ from: 'loading', to: 'deciding' },
    given: (bed) => {
      bed.files = { ...bed.files, desired: new Error('not JSON'), deletion: true };
      return { name: 'loading' };
    },
  },
  {
    title: 'some time has passed',
    ...{ from: 'unreadable', to: 'loading', takesMs: PACE.watchMs },
    given: () => ({ name: 'unreadable' }),
  },
  {
    title: 'it is woken',
    ...{ from: 'unreadable', to: 'loading', takesMs: 0 },
    given: (_, { wake }) => {
      wake.now();
      return { name: 'unreadable' };
    },
  },
  {
    title: 'every step is done',
    ...{ from: 'converging', to: 'watching' },
    given: (bed, context) => {
      bed.steps = { Disk: async () => undefined };
      return converging(context);
    },
  },
  {
    title: 'a step fails',
    ...{ from: 'converging', to: 'waiting' },
    given: (bed, context) => {
      bed.steps = { Disk: fails(retry) };
      return converging(context);
    },
  },
  {
    title: 'a step fails for good',
    ...{ from: 'converging', to: 'stalled' },
    given: (bed, context) => {
      bed.steps = { Disk: fails(stalling) };
      return converging(context);
    },
  },
  {
    title: 'the VM is gone',
    ...{ from: 'watching', to: 'vmEnded', takesMs: PACE.watchMs },
    given: (bed, context) => {
      bed.findings = [gone];
      return { name: 'watching', scope: scopeFor(context) };
    },
  },
  {
    title: 'the service is silent twice in a row, and not when it answers in between',
    ...{ from: 'watching', to: 'deciding', takesMs: 3 * PACE.watchMs + 2 * PACE.pollMs },
    given: (bed, context) => {
      bed.findings = [silent, { kind: 'well' }, { kind: 'well' }, silent, silent];
      return { name: 'watching', scope: scopeFor(context) };
    },
  },
  {
    title: 'its pause is over',
    ...{ from: 'vmEnded', to: 'deciding', takesMs: PACE.backoff.initialMs },
    given: (_, context) => ({ name: 'vmEnded', scope: scopeFor(context), error: retry }),
  },
  {
    title: 'its pause is over, which no nudge ends',
    ...{ from: 'vmEnded', to: 'deciding', takesMs: PACE.backoff.initialMs },
    given: (_, context) => {
      context.wake.now();
      return { name: 'vmEnded', scope: scopeFor(context), error: retry };
    },
  },
  {
    title: 'its pause is over, which grows with the failures of the step',
    ...{ from: 'waiting', to: 'deciding', takesMs: 4 * PACE.backoff.initialMs },
    given: (_, context) => {
      const step = { name: 'Disk', state: 'Failed', attempts: 3, startedAt: '', seconds: 0 } as const;
      context.facts.record.update({ steps: [step] });
      return waiting(context);
    },
  },
  {
    title: 'it is woken',
    ...{ from: 'waiting', to: 'deciding', takesMs: 0 },
    given: (_, context) => {
      context.wake.now();
      return waiting(context);
    },
  },
  {
    title: 'the VM ends meanwhile, and no nudge helps',
    ...{ from: 'stalled', to: 'deciding', takesMs: 3 * PACE.watchMs },
    given: (bed, context) => {
      context.wake.now();
      let looks = 0;
      bed.onInspect = () => {
        looks += 1;
        if (looks === 4) bed.vm = { uuid: UUID, state: 'Crashed' };
      };
      return { name: 'stalled', scope: scopeFor(context), error: stalling };
    },
  },
  {
    title: 'minutes have passed, since a person may have corrected it where nothing tells',
    ...{ from: 'stalled', to: 'deciding' },
    given: (_, context) => ({ name: 'stalled', scope: scopeFor(context), error: stalling }),
  },
  {
    title: 'some time has passed',
    ...{ from: 'failed', to: 'deciding', takesMs: PACE.watchMs },
    given: () => ({ name: 'failed', error: new Error('no /proc') }),
  },
  {
    title: 'all is gone',
    ...{ from: 'removing', to: 'removed', takesMs: 0 },
    given: () => ({ name: 'removing' }),
  },
  {
    title: 'all is gone at the third try',
    ...{ from: 'removing', to: 'removed', takesMs: 3 * PACE.backoff.initialMs },
    given: (bed) => {
      bed.destroyErrors = [retry, retry];
      return { name: 'removing' };
    },
  },
];

function converging({ facts }: StateContext): ActiveState {
  if (facts.desired === undefined) throw new Error('nothing is desired');
  return { name: 'converging', desired: facts.desired };
}

function waiting(context: StateContext, step: StepName = 'Disk'): ActiveState {
  return { name: 'waiting', scope: scopeFor(context), step, error: retry };
}

describe('the states of an appliance', () => {
  it.each(scenarios)('$from → $to: $title', async ({ to, given, takesMs }) => {
    let state: ActiveState = { name: 'deciding' };
    const { bed } = await bedWith((made, context) => {
      state = given(made, context);
    });
    const { name, tookMs } = await outcomeOf(bed, state);
    expect(name).toBe(to);
    if (takesMs !== undefined) expect(tookMs).toBe(takesMs);
  });

  it('have a scenario for each transition', () => {
    const known = Object.entries(TRANSITIONS).flatMap(([from, next]) => next.map((to) => `${from} → ${to}`));
    const met = new Set(scenarios.map(({ from, to }) => `${from} → ${to}`));
    expect([...met].toSorted()).toEqual(known.toSorted());
  });

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
