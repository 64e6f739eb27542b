import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedSeconds, recordTime, type TemplateTimes, updateMean } from './means.ts';
import { predictDeployment } from './prediction.ts';

describe('predictDeployment, Equation 1', () => {
  const perHost = new Map([
    ['h1', [2, 2, 1]],
    ['h2', [4]],
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

  it('lets a host that creates several at once do so, in the order of its queue', () => {
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

  it('is Tc + Ts for a task that needs no VM', () => {
    expect(predictDeployment({ tcSeconds: 1, tsSeconds: 2, perHost: new Map() }).totalSeconds).toBe(3);
  });

  it.each([0, 1.5, Number.NaN])('refuses a concurrency of %d', (value) => {
    const concurrency = new Map([['h1', value]]);
    expect(() => predictDeployment({ tcSeconds: 0, tsSeconds: 0, perHost, concurrency })).toThrow(RangeError);
  });
});

describe('running means', () => {
  it('are the means of all samples', () => {
    const sample = fc.double({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
        const mean = samples.reduce<ReturnType<typeof updateMean> | undefined>(updateMean, undefined);
        expect(mean?.samples).toBe(samples.length);
        expect(mean?.seconds).toBeCloseTo(samples.reduce((a, b) => a + b) / samples.length, 6);
      }),
    );
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('refuse %d seconds', (seconds) => {
    expect(() => updateMean(undefined, seconds)).toThrow(`${seconds} is not a time in seconds`);
  });

  it('expect on a host what was measured there, else the mean of the template, else nothing', () => {
    const measured: [string, string, number][] = [
      ['debian', 'h1', 2],
      ['debian', 'h1', 4],
      ['debian', 'h2', 6],
    ];
    const times = measured.reduce<TemplateTimes>(
      (before, sample) => recordTime(before, ...sample),
      new Map(),
    );
    expect(expectedSeconds(times, 'debian', 'h1')).toBe(3);
    expect(expectedSeconds(times, 'debian', 'h3')).toBe(4);
    expect(expectedSeconds(times, 'alpine', 'h1')).toBeUndefined();
  });
});
