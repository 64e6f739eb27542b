import { describe, expect, it } from 'vitest';
import { aDeployment, aService } from '../../../test/builders/objects.ts';
import type { ServiceDeployment } from '../../api/kinds.ts';
import { isCarriedOut, recallChange } from './change.ts';

type State = 'Deployed' | 'Recalled';

/** A task of services web and db, each as the task says or in a state of its own. */
function task(state: State, web?: State, db?: State): ServiceDeployment {
  const service = (name: string, own?: State) =>
    aService({ name, ...(own === undefined ? {} : { state: own }) });
  return aDeployment({ spec: { state, services: [service('web', web), service('db', db)] } });
}

describe('what a recall changes', () => {
  const shown = (before: ServiceDeployment, state: State, ...services: string[]) => {
    const change = recallChange(before, { state, services });
    return [change.state, ...change.services.map((service) => service.state)];
  };

  it.each<[string, ServiceDeployment, State, string[], (string | undefined)[]]>([
    ['all of a task', task('Deployed'), 'Recalled', [], ['Recalled', undefined, undefined]],
    ['one service', task('Deployed'), 'Recalled', ['web'], ['Deployed', 'Recalled', undefined]],
    [
      'the last service that runs',
      task('Deployed', 'Recalled'),
      'Recalled',
      ['db'],
      ['Recalled', undefined, undefined],
    ],
    ['all again', task('Recalled'), 'Deployed', [], ['Deployed', undefined, undefined]],
    [
      'all again, also those recalled alone',
      task('Deployed', 'Recalled'),
      'Deployed',
      [],
      ['Deployed', undefined, undefined],
    ],
    [
      'one again of a recalled task',
      task('Recalled'),
      'Deployed',
      ['web'],
      ['Deployed', undefined, 'Recalled'],
    ],
    [
      'one again that was recalled alone',
      task('Deployed', 'Recalled', 'Recalled'),
      'Deployed',
      ['web'],
      ['Deployed', undefined, 'Recalled'],
    ],
  ])('%s', (_, before, state, services, expected) => {
    expect(shown(before, state, ...services)).toEqual(expected);
  });

  it('is nothing else, and whether images are kept only if asked for', () => {
    const before = task('Deployed');
    const change = recallChange(before, { state: 'Recalled', services: [] });
    expect(change.services).toEqual(before.spec.services);
    expect(change.recall).toBeUndefined();
    expect(recallChange(before, { state: 'Recalled', services: [], save: true }).recall).toEqual({
      save: true,
    });
  });

  it('names the services that there are instead of one that there is not', () => {
    expect(() => recallChange(task('Deployed'), { state: 'Recalled', services: ['wep'] })).toThrow(
      'task shop has no service wep: its services are web, db',
    );
  });
});

describe('whether it is carried out', () => {
  const seen = (state: 'Recalling' | State, ready: 'True' | 'False', generation = 1) => {
    const time = '2026-01-01T00:00:00Z';
    return aDeployment({
      status: {
        observedGeneration: generation,
        services: [{ name: 'web', state }],
        conditions: [{ type: 'Ready', status: ready, reason: 'Any', message: '', lastTransitionTime: time }],
      },
    });
  };
  const recall = { state: 'Recalled', services: [] } as const;
  const redeploy = { state: 'Deployed', services: [] } as const;

  it('follows from a status of the present spec', () => {
    expect(isCarriedOut(seen('Recalled', 'True'), recall)).toBe(true);
    expect(isCarriedOut(seen('Recalled', 'True', 0), recall)).toBe(false);
    expect(isCarriedOut(seen('Recalling', 'False'), recall)).toBe(false);
    expect(isCarriedOut(seen('Deployed', 'True'), redeploy)).toBe(true);
    expect(isCarriedOut(seen('Deployed', 'False'), redeploy)).toBe(false);
    expect(isCarriedOut(aDeployment(), recall)).toBe(false);
  });
});
