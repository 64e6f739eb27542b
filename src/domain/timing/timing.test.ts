import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { expectedTime, nothingMeasured, recordTime, type TemplateTimes, updateMean } from './means.ts';
import { type CreationTime, predictDeployment } from './prediction.ts';

function takes(leadSeconds: number, turnSeconds: number, tailSeconds: number): CreationTime {
  return { leadSeconds, turnSeconds, tailSeconds };
}

const turn = (seconds: number) => takes(0, seconds, 0);

describe('predictDeployment, Equation 1', () => {
  const perHost = new Map([
    ['h1', [2, 2, 1].map(turn)],
    ['h2', [turn(4)]],
    ['idle', []],
  ]);

  it('adds Tc, Ts and the sum of the VMs of the slowest host', () => {
    expect(predictDeployment({ tcSeconds: 0.5, tsSeconds: 0.25, perHost })).toEqual({
      placementSeconds: 0.75,
      perHostSeconds: new Map([
        ['h1', 5],
        ['h2', 4],
        ['idle', 0],
      ]),
      totalSeconds: 5.75,
    });
  });

  it('starts VMs in the order of the queue on a host that creates several at once', () => {
    const concurrency = new Map([['h1', 2]]);
    const { perHostSeconds, totalSeconds } = predictDeployment({
      tcSeconds: 0,
      tsSeconds: 0,
      perHost,
      concurrency,
    });
    expect(perHostSeconds.get('h1')).toBe(3);
    expect(totalSeconds).toBe(4);
  });

  it('counts lead and tail only where they do not overlap with the turns of other VMs', () => {
    const none = { tcSeconds: 0, tsSeconds: 0 };
    const seconds = (...vms: readonly CreationTime[]) =>
      predictDeployment({ ...none, perHost: new Map([['h1', vms]]) }).totalSeconds;
    expect(seconds(takes(1, 2, 4), takes(1, 2, 4)), 'lead, both turns, the last one’s tail').toBe(9);
    expect(seconds(takes(1, 2, 40), takes(1, 2, 4)), 'a tail that ends last').toBe(43);
    expect(seconds(takes(9, 2, 0), takes(1, 3, 0)), 'who is ready first has its turn first').toBe(11);
  });

  it('is the sum of the turns, in any order, when there is no lead or tail', () => {
    const seconds = fc.double({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(fc.array(seconds), (turns) => {
        const perHost = new Map([['h1', turns.map(turn)]]);
        const { totalSeconds } = predictDeployment({ tcSeconds: 1, tsSeconds: 2, perHost });
        expect(totalSeconds).toBeCloseTo(
          turns.reduce((a, b) => a + b, 3),
          6,
        );
      }),
    );
  });

  it('is Tc + Ts for a task that needs no VM', () => {
    expect(predictDeployment({ tcSeconds: 1, tsSeconds: 2, perHost: new Map() }).totalSeconds).toBe(3);
  });

  it.each([0, 1.5, Number.NaN])('refuses a concurrency of %d', (value) => {
    const concurrency = new Map([['h1', value]]);
    expect(() => predictDeployment({ tcSeconds: 0, tsSeconds: 0, perHost, concurrency })).toThrow(RangeError);
  });
});

describe('running means', () => {
  it('are the means of all samples, for each part of the time', () => {
    const second = fc.double({ min: 0, max: 1000, noNaN: true });
    const sample = fc.tuple(second, second, second).map((parts) => takes(...parts));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
        const mean = samples.reduce(updateMean, nothingMeasured);
        expect(mean.samples).toBe(samples.length);
        for (const part of ['leadSeconds', 'turnSeconds', 'tailSeconds'] as const) {
          const sum = samples.reduce((before, time) => before + time[part], 0);
          expect(mean.time[part]).toBeCloseTo(sum / samples.length, 6);
        }
      }),
    );
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('refuse %d seconds', (seconds) => {
    expect(() => updateMean(nothingMeasured, turn(seconds))).toThrow(`${seconds} is not a time in seconds`);
  });

  it('give for a host what was measured there, else the mean of the template, else nothing', () => {
    const measured: [string, string, CreationTime][] = [
      ['debian', 'h1', takes(1, 2, 0)],
      ['debian', 'h1', takes(1, 4, 0)],
      ['debian', 'h2', takes(1, 6, 3)],
    ];
    const times = measured.reduce<TemplateTimes>(
      (before, sample) => recordTime(before, ...sample),
      new Map(),
    );
    expect(expectedTime(times, 'debian', 'h1')).toEqual(takes(1, 3, 0));
    expect(expectedTime(times, 'debian', 'h3')).toEqual(takes(1, 4, 1));
    expect(expectedTime(times, 'alpine', 'h1')).toBeUndefined();
  });
});
