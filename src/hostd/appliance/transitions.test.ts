import { describe, expect, it } from 'vitest';
import type { HostError } from '../errors/index.ts';
import { type ActiveState, type State, type StateContext, TRANSITIONS } from './state.ts';
import { bedWith, converging, outcomeOf, retry, scopeFor, stalling, waiting } from './testing/handler-bed.ts';
import { PACE, type RunnerBed, UUID } from './testing/runner-bed.ts';

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
});
