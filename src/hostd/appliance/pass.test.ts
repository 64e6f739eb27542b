import { describe, expect, it } from 'vitest';
import type { StepName } from '../../host/protocol.ts';
import { type PassObserver, pass, type Step } from './pass.ts';

/** Steps whose facts are in `done`: what a crash leaves, and the next pass finds. */
function stepsOver(done: Set<StepName>, run: (name: StepName) => void = () => undefined): readonly Step[] {
  return (['Layers', 'Ports', 'Disk'] as const).map((name) => ({
    name,
    isDone: async () => done.has(name),
    run: async () => {
      run(name);
      done.add(name);
    },
  }));
}

function recorder() {
  const calls: string[] = [];
  const observer: PassObserver = {
    found: ({ name }) => calls.push(`found ${name}`),
    started: ({ name }) => calls.push(`started ${name}`),
    finished: async ({ name }) => {
      calls.push(`finished ${name}`);
    },
    failed: ({ name }) => calls.push(`failed ${name}`),
  };
  return { calls, observer };
}

const never = new AbortController().signal;

describe('a pass over the steps', () => {
  it('does what is not done, in order, and nothing twice', async () => {
    const { calls, observer } = recorder();
    const done = new Set<StepName>(['Ports']);
    await pass(stepsOver(done), observer, never);
    await pass(stepsOver(done), observer, never);
    expect(calls).toEqual([
      'started Layers',
      'finished Layers',
      'found Ports',
      'started Disk',
      'finished Disk',
      'found Layers',
      'found Ports',
      'found Disk',
    ]);
  });

  it('ends at the step that fails, and continues there the next time', async () => {
    const { calls, observer } = recorder();
    const done = new Set<StepName>();
    const broken = stepsOver(done, (name) => {
      if (name === 'Ports') throw new Error('taken');
    });
    await expect(pass(broken, observer, never)).rejects.toThrow('taken');
    await pass(stepsOver(done), observer, never);
    expect(calls.slice(0, 4)).toEqual(['started Layers', 'finished Layers', 'started Ports', 'failed Ports']);
    expect(calls.slice(4)).toEqual([
      'found Layers',
      'started Ports',
      'finished Ports',
      'started Disk',
      'finished Disk',
    ]);
  });

  it('counts no failure against a step that was abandoned', async () => {
    const { calls, observer } = recorder();
    const stop = new AbortController();
    const steps = stepsOver(new Set(), () => {
      stop.abort(new Error('deleted'));
      throw new Error('cut off');
    });
    await expect(pass(steps, observer, stop.signal)).rejects.toThrow('cut off');
    expect(calls).toEqual(['started Layers']);
  });
});
