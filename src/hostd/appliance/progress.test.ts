import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import { SERVICE_STATES, type ServiceState, type StepName } from '../../host/protocol.ts';
import { type ApplianceRecord, emptyRecord } from '../state/record.ts';
import {
  failuresOf,
  StepTimer,
  serviceSilent,
  shownSteps,
  stepFailed,
  stepFinished,
  stepFound,
  stepStarted,
} from './progress.ts';

const AT = '1970-01-01T00:00:10.000Z';
const at = (seconds: number) => ({ at: AT, seconds });

function running(name: StepName) {
  return { ...emptyRecord, ...stepStarted(emptyRecord, name, AT) };
}

describe('the progress of an appliance', () => {
  it('times a step from its start to its end', async () => {
    const clock = createFakeClock(10_000);
    const timer = new StepTimer(clock);
    timer.start('Disk');
    const started = { ...emptyRecord, ...stepStarted(emptyRecord, 'Disk', timer.time('Disk').at) };
    await clock.advance(1000);
    expect(shownSteps(started, timer)).toMatchObject([{ state: 'Running', seconds: 1, attempts: 1 }]);
    await clock.advance(1500);
    const finished = stepFinished(started, 'Disk', timer.seconds('Disk'));
    expect(finished.steps).toEqual([
      { name: 'Disk', state: 'Done', attempts: 1, startedAt: AT, seconds: 2.5 },
    ]);
  });

  it('counts a step that an earlier daemon started from the restart on', async () => {
    const clock = createFakeClock();
    const record = { ...emptyRecord, ...stepStarted(emptyRecord, 'Agent', '1970-01-01T00:00:00.000Z') };
    const timer = new StepTimer(clock);
    await clock.advance(3000);
    expect(shownSteps(record, timer)).toMatchObject([{ state: 'Running', seconds: 3 }]);
    expect(stepFound(record, 'Agent', timer.time('Agent')).steps).toMatchObject([
      { state: 'Done', startedAt: '1970-01-01T00:00:00.000Z', seconds: 3 },
    ]);
  });

  it('keeps what a step took when it is found done again', () => {
    const done = { ...emptyRecord, ...stepFinished(running('Disk'), 'Disk', 2.5) };
    expect(stepFound(done, 'Disk', at(90)).steps).toMatchObject([{ state: 'Done', seconds: 2.5 }]);
    expect(stepFound(emptyRecord, 'Disk', at(90)).steps).toMatchObject([{ state: 'Done', seconds: 0 }]);
  });

  it('forgets how the VM was stopped when it starts again', () => {
    const stopped = { ...emptyRecord, ...stepFinished(running('Stop'), 'Stop', 1, 0, 'powered off') };
    const started = { ...stopped, ...stepStarted(stopped, 'Start', AT) };
    expect(started.steps.map(({ name }) => name)).toEqual(['Start']);
  });

  it('keeps what a step said although it is done, until it runs again', () => {
    const record = { ...emptyRecord, ...stepFinished(running('Grow'), 'Grow', 1, 0, 'no resize2fs') };
    const found = { ...emptyRecord, ...stepFound(record, 'Grow', at(2)) };
    expect(found.steps).toEqual(record.steps);
    expect(found.steps).toMatchObject([{ state: 'Done', message: 'no resize2fs' }]);
    expect(stepStarted(found, 'Grow', AT).steps[0]?.message).toBeUndefined();
    const failed = { ...emptyRecord, ...stepFailed(found, 'Grow', new Error('gone'), at(1)) };
    expect(stepFound(failed, 'Grow', at(2)).steps[0]?.message).toBeUndefined();
  });

  it('does not count what a step waited for its turn', () => {
    expect(stepFinished(running('Start'), 'Start', 4, 3000).steps).toMatchObject([
      { state: 'Done', startedAt: '1970-01-01T00:00:13.000Z', seconds: 1 },
    ]);
  });

  it('counts the attempts of a step that fails, and begins again once it was done', () => {
    let record = emptyRecord;
    for (const seconds of [1, 2, 3]) {
      record = { ...record, ...stepStarted(record, 'Disk', AT) };
      record = { ...record, ...stepFailed(record, 'Disk', new Error('no'), at(seconds)) };
    }
    expect(failuresOf(record, 'Disk')).toBe(3);
    expect(record.steps[0]).toMatchObject({ message: 'no', seconds: 3 });
    record = { ...record, ...stepFound(record, 'Disk', at(4)) };
    expect(record.steps[0]).toMatchObject({ state: 'Done', attempts: 3 });
    expect(record.steps[0]).not.toHaveProperty('message');
    expect(stepStarted(record, 'Disk', AT).steps[0]?.attempts).toBe(1);
  });

  const reached: readonly [StepName, ServiceState, ServiceState][] = [
    ['Agent', 'VMUnavailable', 'VMReady'],
    ['Container', 'VMReady', 'ContainerReady'],
    ['Service', 'ContainerReady', 'ServiceAvailable'],
    ['Agent', 'ServiceAvailable', 'ServiceAvailable'],
    ['Disk', 'VMUnavailable', 'VMUnavailable'],
  ];
  for (const [step, before, raisedTo] of reached) {
    it(`is ${raisedTo} when ${step} is found done in ${before}`, () => {
      const record = { ...emptyRecord, serviceState: before };
      expect(stepFound(record, step, at(1)).serviceState).toBe(raisedTo);
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
        const reachedState = stepStarted({ ...emptyRecord, serviceState }, step, AT).serviceState;
        expect(SERVICE_STATES.indexOf(reachedState)).toBeLessThanOrEqual(SERVICE_STATES.indexOf(most));
      }
    });
  }

  const serving: ApplianceRecord = {
    ...emptyRecord,
    serviceState: 'ServiceAvailable',
    accessPoints: ['http://x/'],
    answers: true,
    passedProbe: { kind: 'tcp', port: 80 },
  };

  it.each<[StepName, Partial<ApplianceRecord>]>([
    ['Start', { accessPoints: [], answers: false, passedProbe: undefined }],
    ['Resize', { accessPoints: [], answers: false, passedProbe: undefined }],
    ['Agent', {}],
    ['Network', {}],
    ['Configure', {}],
    ['Container', {}],
    ['Package', {}],
    ['Install', {}],
    ['Service', { answers: false }],
    ['Stop', { accessPoints: [], answers: false, passedProbe: undefined }],
  ])('what was installed before goes on until a step ends it: %s', (step, change) => {
    const { steps: _, serviceState: __, ...before } = serving;
    expect({ ...serving, ...stepStarted(serving, step, AT) }).toMatchObject({ ...before, ...change });
  });

  it('answers once its probe was passed, and no longer once it was silent', () => {
    const away = { ...serving, answers: false };
    expect(stepFound(away, 'Service', at(1)).answers).toBe(true);
    expect(stepFinished(away, 'Service', 1).answers).toBe(true);
    expect(stepFound(away, 'Install', at(1)).answers).toBeUndefined();
    expect(serviceSilent(serving)).toEqual({ answers: false, serviceState: 'ContainerReady' });
  });
});
