import { describe, expect, it } from 'vitest';
import { settle } from '../../base/testing/fake-clock.ts';
import { HostError } from '../errors/index.ts';
import type { RunnerEvents } from './runner.ts';
import { desiredAppliance, PACE, RunnerBed, UUID } from './testing/runner-bed.ts';

const retry = new HostError('Broken', 'it is broken');
const stalling = new HostError('Wrong', 'it is wrong', { kind: 'stalled' });

async function started(prepare: (bed: RunnerBed) => void, events: Partial<RunnerEvents> = {}) {
  const bed = new RunnerBed();
  prepare(bed);
  const runner = bed.runner(events);
  await runner.load();
  bed.log.length = 0;
  runner.start();
  return { bed, runner };
}

const fails = (error: Error) => async () => {
  throw error;
};

function stepsOf(disk: (signal: AbortSignal) => Promise<void>) {
  return (bed: RunnerBed) => {
    bed.steps = { Disk: disk };
  };
}

function unreadable(bed: RunnerBed): void {
  bed.files.desired = new Error('not JSON');
}

const plansIn = (bed: RunnerBed) => bed.log.filter((each) => each.startsWith('plan'));

/** A step that goes on until it is aborted. */
const endless = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settle();
}

describe('the runner of an appliance', () => {
  it('abandons what runs when the desired state changes, and begins with the new one at once', async () => {
    const { bed, runner } = await started((made) => {
      made.steps = { Disk: endless };
    });
    await until(() => runner.status().steps.length > 0);
    bed.steps = {};
    runner.change(desiredAppliance(2));
    await bed.paused();
    expect(plansIn(bed)).toEqual(['plan 1', 'plan 2']);
    expect(bed.openGuests).toBe(1);
    expect(runner.status()).toMatchObject({ generation: 2 });
    await runner.close();
    expect(bed.openGuests).toBe(0);
  });

  it('loses no change that comes while one state is left for another', async () => {
    let changes = 0;
    const { bed, runner } = await started(() => undefined, {
      // The last thing that a pass does is to publish: what follows is the next state.
      onChange: (changed) => {
        if (changes === 0) queueMicrotask(() => changed.change(desiredAppliance(2)));
        changes += 1;
      },
    });
    await bed.paused();
    expect(plansIn(bed)).toEqual(['plan 1', 'plan 2']);
    expect(bed.clock.monotonic()).toBe(0);
    await runner.close();
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'loses no change whichever turn of the loop it meets: %i',
    async (turns) => {
      const { bed, runner } = await started(() => undefined);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      runner.change(desiredAppliance(2));
      await until(() => bed.log.includes('plan 2'));
      await bed.paused();
      expect(bed.clock.monotonic()).toBe(0);
      expect(plansIn(bed).at(-1)).toBe('plan 2');
      await runner.close();
    },
  );

  it('reads its files again when they change while they are read', async () => {
    const { bed, runner } = await started((made) => {
      made.files.desired = new Error('not JSON');
    });
    await bed.paused();
    expect(runner.status()).toMatchObject({ name: '', problem: { reason: expect.any(String) } });
    bed.files.desired = desiredAppliance(1);
    runner.nudge();
    await until(() => bed.log.length === 1);
    // Generation 1 is on its way from the disk: the one that replaces it there must not be lost.
    bed.files.desired = desiredAppliance(2);
    runner.change(desiredAppliance(2));
    await until(() => bed.log.some((each) => each.startsWith('plan')));
    expect(bed.log).toEqual(['load', 'load', 'plan 2']);
    await runner.close();
  });

  it('tries files that cannot be read at intervals, and at once when they are written', async () => {
    const { bed, runner } = await started((made) => {
      made.files.desired = new Error('not JSON');
    });
    await bed.paused();
    expect(bed.log).toEqual([]);
    await bed.pass(PACE.watchMs);
    expect(bed.log).toEqual(['load']);
    bed.files.desired = desiredAppliance();
    runner.change(desiredAppliance());
    await until(() => bed.log.includes('plan 1'));
    expect(bed.log).toEqual(['load', 'load', 'plan 1']);
    await runner.close();
  });

  it.each([
    ['a step runs', stepsOf(endless)],
    ['it waits after a failure', stepsOf(fails(retry))],
    ['it is stalled', stepsOf(fails(stalling))],
    ['it is watched', () => undefined],
    ['its files cannot be read', unreadable],
  ])('is removed at once when %s', async (_, prepare) => {
    const { bed, runner } = await started(prepare);
    for (let turn = 0; turn < 20; turn += 1) await settle();
    bed.files.deletion = true;
    runner.beginDeletion();
    await until(() => bed.log.includes('removed'));
    expect(bed.log.slice(-3)).toEqual(['destroy', 'remove', 'removed']);
    expect(bed.clock.monotonic()).toBe(0);
    expect(bed.openGuests).toBe(0);
    await runner.close();
  });

  it('tries again at once when it is nudged after a failure, but not when nothing is wrong or it is stalled', async () => {
    let error: HostError | undefined = retry;
    const { bed, runner } = await started((made) => {
      made.steps = {
        Disk: async () => {
          if (error !== undefined) throw error;
        },
      };
    });
    /** How many there were when the runner pauses next; a nudge or a change ends its present pause at once. */
    const passes = async () => {
      await bed.paused();
      return plansIn(bed).length;
    };
    await bed.paused();
    error = stalling;
    runner.nudge();
    expect(await passes()).toBe(2);
    runner.nudge();
    expect(await passes()).toBe(2);
    error = undefined;
    runner.change(desiredAppliance());
    expect(await passes()).toBe(3);
    expect(runner.status().problem).toBeUndefined();
    await bed.paused();
    const looks = bed.log.length;
    runner.nudge();
    expect(await passes()).toBe(3);
    expect(bed.log).toHaveLength(looks);
    await runner.close();
  });

  it('reports what fails outside its steps, closes the guest, and tries again after a while', async () => {
    const { bed, runner } = await started((made) => {
      made.findings = [{ kind: 'well' }];
    });
    await bed.paused();
    bed.inspectError = retry;
    await bed.pass(PACE.watchMs);
    expect(runner.status().problem).toMatchObject({ reason: 'Broken', retryAt: expect.any(String) });
    expect(bed.openGuests).toBe(0);
    bed.inspectError = undefined;
    await bed.pass(PACE.watchMs);
    expect(runner.status().problem).toBeUndefined();
    expect(plansIn(bed)).toHaveLength(2);
    await runner.close();
  });

  it('starts an ended VM again after a pause', async () => {
    const { bed, runner } = await started((made) => {
      made.findings = [{ kind: 'vmGone', error: retry }];
    });
    await bed.paused();
    bed.vm = { uuid: UUID, state: 'Crashed' };
    await bed.pass(PACE.watchMs);
    expect(runner.status()).toMatchObject({ problem: { reason: 'Broken' }, vm: { state: 'Crashed' } });
    await bed.pass(999);
    expect(plansIn(bed)).toHaveLength(1);
    await bed.pass(1);
    expect(plansIn(bed)).toHaveLength(2);
    await runner.close();
  });

  it.each([
    ['in a step', stepsOf(endless)],
    ['in a pause', () => undefined],
    [
      'in the removal',
      (bed: RunnerBed) => {
        bed.files.deletion = true;
        bed.destroyErrors = [retry];
      },
    ],
  ])('ends %s when it is closed, with its record on disk', async (_, prepare) => {
    const { bed, runner } = await started(prepare);
    for (let turn = 0; turn < 20; turn += 1) await settle();
    await runner.close();
    expect(bed.clock.timers).toBe(0);
    expect(bed.openGuests).toBe(0);
    expect(bed.files.record.steps.map(({ name }) => name)).toEqual(
      runner.status().steps.map(({ name }) => name),
    );
    expect(bed.log).not.toContain('removed');
  });
});
