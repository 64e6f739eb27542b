import { describe, expect, it } from 'vitest';
import type { Clock } from '../../base/clock.ts';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { SERVICE_STATES, type ServiceState, type StepName } from '../../host/protocol.ts';
import { emptyRecord } from '../state/record.ts';
import { failuresOf, shownSteps, stepFailed, stepFinished, stepFound, stepStarted } from './progress.ts';

function clockAt(seconds: number): Clock {
  return createFakeClock(seconds * 1000);
}

describe('the progress of an appliance', () => {
  it('times a step from its start to its end', () => {
    const started = { ...emptyRecord, ...stepStarted(emptyRecord, 'Disk', clockAt(10)) };
    expect(shownSteps(started, clockAt(11))).toMatchObject([{ state: 'Running', seconds: 1, attempts: 1 }]);
    const finished = stepFinished(started, 'Disk', clockAt(12.5));
    expect(finished.steps).toEqual([
      { name: 'Disk', state: 'Done', attempts: 1, startedAt: '1970-01-01T00:00:10.000Z', seconds: 2.5 },
    ]);
  });

  it('does not count what a step waited for its turn', () => {
    const started = { ...emptyRecord, ...stepStarted(emptyRecord, 'Start', clockAt(10)) };
    expect(stepFinished(started, 'Start', clockAt(14), 3000).steps).toMatchObject([
      { state: 'Done', startedAt: '1970-01-01T00:00:13.000Z', seconds: 1 },
    ]);
  });

  it('counts the attempts of a step that fails, and begins anew once it was done', () => {
    let record = emptyRecord;
    for (const seconds of [1, 2, 3]) {
      record = { ...record, ...stepStarted(record, 'Disk', clockAt(seconds)) };
      record = { ...record, ...stepFailed(record, 'Disk', new Error('no'), clockAt(seconds)) };
    }
    expect(failuresOf(record, 'Disk')).toBe(3);
    expect(record.steps[0]?.message).toBe('no');
    record = { ...record, ...stepFound(record, 'Disk', clockAt(4)) };
    expect(record.steps[0]).toMatchObject({ state: 'Done', attempts: 3 });
    expect(record.steps[0]).not.toHaveProperty('message');
    expect(stepStarted(record, 'Disk', clockAt(5)).steps[0]?.attempts).toBe(1);
  });

  const reached: readonly [StepName, ServiceState, ServiceState][] = [
    ['Agent', 'VMUnavailable', 'VMReady'],
    ['Container', 'VMReady', 'ContainerReady'],
    ['Service', 'ContainerReady', 'ServiceAvailable'],
    ['Agent', 'ServiceAvailable', 'ServiceAvailable'],
    ['Disk', 'VMUnavailable', 'VMUnavailable'],
  ];
  for (const [step, before, after] of reached) {
    it(`is ${after} when ${step} is found done in ${before}`, () => {
      const record = { ...emptyRecord, serviceState: before };
      expect(stepFound(record, step, clockAt(1)).serviceState).toBe(after);
    });
  }

  const lost: readonly [StepName, ServiceState][] = [
    ['Start', 'VMUnavailable'],
    ['Agent', 'VMUnavailable'],
    ['Configure', 'VMReady'],
    ['Container', 'VMReady'],
    ['Install', 'ContainerReady'],
    ['Service', 'ContainerReady'],
    ['Stop', 'VMUnavailable'],
  ];
  for (const [step, most] of lost) {
    it(`is at most ${most} while ${step} is not done`, () => {
      for (const serviceState of SERVICE_STATES) {
        const after = stepStarted({ ...emptyRecord, serviceState }, step, clockAt(1)).serviceState;
        expect(SERVICE_STATES.indexOf(after)).toBeLessThanOrEqual(SERVICE_STATES.indexOf(most));
      }
    });
  }

  it('keeps the access points while the service is away, and drops them with the VM', () => {
    const record = { ...emptyRecord, accessPoints: ['http://x/'] };
    expect(stepStarted(record, 'Service', clockAt(1)).accessPoints).toEqual(['http://x/']);
    expect(stepStarted(record, 'Start', clockAt(1)).accessPoints).toEqual([]);
  });
});
