import { describe, expect, it } from 'vitest';
import { aDeployment, anAppliance } from '../../test/builders/objects.ts';
import { aReport } from '../../test/builders/reports.ts';
import { CreationTimes } from '../memory/creation-times.ts';
import { type PredictionInput, predictionOf } from './prediction.ts';

const startedTime = '1970-01-01T00:00:10.000Z';
const begun = aDeployment({ status: { observedGeneration: 1, prediction: { startedTime } } });

function measured(): CreationTimes {
  const times = new CreationTimes();
  times.recordPlacement({ tcSeconds: 0.01, tsSeconds: 0.02 });
  const took = (uuid: string, seconds: number) =>
    aReport({
      uuid,
      steps: [{ name: 'Start', state: 'Done', attempts: 1, startedAt: startedTime, seconds }],
    });
  times.recordAppliance(took('a', 2), 'default/debian', 'host-a');
  times.recordAppliance(took('a', 99), 'default/debian', 'host-a');
  times.recordAppliance(took('b', 4), 'default/debian', 'host-a');
  return times;
}

function predict(overrides: Partial<PredictionInput>) {
  return predictionOf({
    deployment: begun,
    appliances: [],
    isComplete: false,
    times: measured(),
    concurrencyOf: () => 1,
    now: 30_000,
    ...overrides,
  });
}

const on = (host: string, count: number) =>
  Array.from({ length: count }, (_, n) =>
    anAppliance({ metadata: { name: `${host}-${n}` }, spec: { hostName: host } }),
  );

describe('the prediction of a deployment', () => {
  it('begins with the task, and again with each change of it', () => {
    expect(predict({ deployment: aDeployment() })).toEqual({ startedTime: '1970-01-01T00:00:30.000Z' });
    const changed = aDeployment({ metadata: { generation: 2 }, status: begun.status ?? {} });
    expect(predict({ deployment: changed })).toEqual({ startedTime: '1970-01-01T00:00:30.000Z' });
  });

  it('is Equation 1 over the measured means, each appliance counted once', () => {
    expect(predict({ appliances: [...on('host-a', 3), ...on('host-b', 1)] })).toEqual({
      startedTime,
      placementSeconds: 0.03,
      perHostSeconds: { 'host-a': 9, 'host-b': 3 },
      totalSeconds: 9.03,
    });
  });

  it('knows how many VMs a host creates at once', () => {
    expect(predict({ appliances: on('host-a', 3), concurrencyOf: () => 3 })).toMatchObject({
      totalSeconds: 3.03,
    });
  });

  it('does not exist without a measurement, or for an appliance without a host', () => {
    expect(predict({ appliances: on('host-a', 1), times: new CreationTimes() })).toEqual({ startedTime });
    expect(predict({ appliances: [...on('host-a', 1), anAppliance()] })).toEqual({ startedTime });
  });

  it('records once how long it took', () => {
    const done = predict({ isComplete: true });
    expect(done).toEqual({ startedTime, actualSeconds: 20 });
    expect(predict({ isComplete: true, now: 0 }).actualSeconds, 'by a clock that was set back').toBe(0);
    const later = aDeployment({ status: { observedGeneration: 1, prediction: done } });
    expect(predict({ deployment: later, isComplete: true, now: 99_000 })).toEqual(done);
  });
});
