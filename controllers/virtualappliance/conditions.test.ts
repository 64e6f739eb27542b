import { describe, expect, it } from 'vitest';
import { anAppliance } from '../../test/builders/objects.ts';
import { aReport } from '../../test/builders/reports.ts';
import {
  expectCondition,
  expectStanding,
  READY,
  RECONCILING,
  STALLED,
} from '../../test/expectations/conditions.ts';
import { applianceObstacles } from '../obstacles/appliances.ts';
import { type ConditionFacts, conditionsOf } from './conditions.ts';

const bound = anAppliance({ spec: { hostName: 'host-a' } });
const building = (state: 'Building' | 'Built') =>
  aReport({ serviceState: 'VMReady', build: { state, step: 1, steps: 2, attempt: 1 } });
const UNKNOWN = { ready: 'Unknown', reconciling: 'False', stalled: 'False' } as const;
const AT_REST = { ready: 'False', reconciling: 'False', stalled: 'False' } as const;

function conditions(overrides: Partial<ConditionFacts>) {
  return conditionsOf({
    appliance: bound,
    report: undefined,
    obstacle: undefined,
    hostLost: undefined,
    refusal: undefined,
    isMissing: false,
    now: 0,
    ...overrides,
  });
}

describe('the conditions of an appliance', () => {
  const stopped = anAppliance({ spec: { hostName: 'host-a', powerState: 'Stopped' } });
  const suspended = anAppliance({ spec: { hostName: 'host-a', powerState: 'Suspended' } });
  const asleep = aReport({ serviceState: 'VMUnavailable', vm: { state: 'Suspended' } });
  const changed = anAppliance({ metadata: { generation: 2 }, spec: { hostName: 'host-a' } });
  const off = aReport({ serviceState: 'VMUnavailable', vm: { state: 'Stopped' } });
  const step = {
    name: 'Stop',
    state: 'Done',
    attempts: 1,
    startedAt: '2026-01-01T00:00:00.000Z',
    seconds: 1,
  } as const;
  const cut = { ...off, steps: [{ ...step, message: 'it did not shut itself down' }] };
  const problem = { reason: 'AgentTimeout', message: 'the agent does not answer' };
  const retried = { ...problem, retryAt: '2026-01-01T00:00:00.000Z' };
  const obstacle = { reason: 'TemplateNotFound', message: 'create it', isStalled: false };
  const refusal = { reason: 'NoHostFits', message: '0/1 hosts fit' };
  const cases: [string, Partial<ConditionFacts>, typeof READY | typeof UNKNOWN, string][] = [
    ['waits for a host', { appliance: anAppliance() }, RECONCILING, 'Pending'],
    ['builds', { report: building('Building') }, RECONCILING, 'VMReady'],
    ['has built', { report: building('Built') }, READY, 'Built'],
    ['fits no host', { appliance: anAppliance(), refusal }, RECONCILING, 'NoHostFits'],
    ['is new on its host', {}, RECONCILING, 'VMUnavailable'],
    ['makes progress', { report: aReport({ serviceState: 'VMReady' }) }, RECONCILING, 'VMReady'],
    ['answers', { report: aReport() }, READY, 'ServiceAvailable'],
    [
      'answers according to an older spec',
      { appliance: changed, report: aReport() },
      RECONCILING,
      'Updating',
    ],
    ['has a problem that passes', { report: aReport({ problem: retried }) }, RECONCILING, 'AgentTimeout'],
    ['has a problem that stays', { report: aReport({ problem }) }, STALLED, 'AgentTimeout'],
    ['has something in the way', { obstacle, report: aReport() }, RECONCILING, 'TemplateNotFound'],
    ['needs a person', { obstacle: { ...obstacle, isStalled: true } }, STALLED, 'TemplateNotFound'],
    [
      'is on a host that does not answer',
      { hostLost: applianceObstacles.hostLost('host-a', 'Stay'), report: aReport() },
      UNKNOWN,
      'HostUnreachable',
    ],
    ['is stopped, as asked', { appliance: stopped, report: off }, AT_REST, 'Stopped'],
    ['is suspended, as asked', { appliance: suspended, report: asleep }, AT_REST, 'Suspended'],
    ['was off when it was to be suspended', { appliance: suspended, report: off }, AT_REST, 'Suspended'],
    ['goes on', { report: asleep }, RECONCILING, 'VMUnavailable'],
    ['was powered off, as asked', { appliance: stopped, report: cut }, AT_REST, 'PoweredOff'],
    [
      'is still stopping',
      { appliance: stopped, report: aReport({ vm: { state: 'Running' } }) },
      READY,
      'ServiceAvailable',
    ],
    [
      'is silent, though every step is done',
      { report: aReport({ answers: false }) },
      RECONCILING,
      'Updating',
    ],
    [
      'has received a change that is not carried out',
      { appliance: changed, report: aReport({ generation: 2, stateGeneration: 1 }) },
      RECONCILING,
      'Updating',
    ],
    [
      'had a problem before a change that is not carried out',
      { appliance: changed, report: aReport({ generation: 2, stateGeneration: 1, problem }) },
      RECONCILING,
      'Updating',
    ],
    [
      'has carried out its change',
      { appliance: changed, report: aReport({ generation: 2, stateGeneration: 2 }) },
      READY,
      'ServiceAvailable',
    ],
  ];
  it.each(cases)('that %s', (_name, facts, standing, reason) => {
    const found = conditions(facts);
    if (standing === UNKNOWN || standing === AT_REST) expectCondition(found, 'Ready', standing.ready, reason);
    else expectStanding(found, standing, reason);
    expect(found.find(({ type }) => type === 'Reconciling')?.status).toBe(standing.reconciling);
    expect(found.every(({ observedGeneration }) => observedGeneration !== undefined)).toBe(true);
  });

  const lost = applianceObstacles.hostLost('host-a', 'Stay');
  const known = conditions({ report: aReport({ answers: true }) });
  const answers = aReport({ answers: true, serviceState: 'ContainerReady' });
  it.each<[string, Partial<ConditionFacts>, 'True' | 'False' | 'Unknown', string]>([
    ['waits for a host', { appliance: anAppliance() }, 'False', 'Pending'],
    ['is new on its host', {}, 'False', 'VMUnavailable'],
    ['comes up', { report: aReport({ answers: false, serviceState: 'VMReady' }) }, 'False', 'VMReady'],
    ['is ready', { report: aReport({ answers: true }) }, 'True', 'ServiceAvailable'],
    ['is on a host with an older daemon', { report: aReport() }, 'True', 'ServiceAvailable'],
    [
      'serves while its change is carried out',
      { appliance: changed, report: answers },
      'True',
      'ServiceAvailable',
    ],
    ['serves with something in the way', { obstacle, report: answers }, 'True', 'ServiceAvailable'],
    [
      'serves, and its change has a problem that stays',
      { report: aReport({ answers: true, serviceState: 'ContainerReady', problem }) },
      'True',
      'ServiceAvailable',
    ],
    ['does not serve', { report: aReport({ answers: false, problem }) }, 'False', 'AgentTimeout'],
    ['is on a lost host', { hostLost: lost, report: answers }, 'Unknown', 'HostUnreachable'],
    ['is gone from its host', { isMissing: true }, 'False', 'VMUnavailable'],
    [
      'is on a host that was not asked yet since a restart',
      { appliance: { ...bound, status: { conditions: known } }, obstacle },
      'True',
      'ServiceAvailable',
    ],
  ])('tell whether the service answers of one that %s', (_name, facts, status, reason) => {
    expectCondition(conditions(facts), 'Available', status, reason);
  });

  it('say where it was placed, or why it was not', () => {
    expect(expectCondition(conditions({}), 'Placed', 'True', 'Placed')).toContain('host-a');
    const nowhere = conditions({ appliance: anAppliance(), refusal });
    expect(expectCondition(nowhere, 'Placed', 'False', 'NoHostFits')).toBe('0/1 hosts fit');
  });

  it('say what a step that is done wants known', () => {
    const step = { name: 'Grow', attempts: 1, startedAt: '2026-01-01T00:00:00.000Z', seconds: 1 } as const;
    const ready = (state: 'Done' | 'Failed') =>
      expectCondition(
        conditions({ report: aReport({ steps: [{ ...step, state, message: 'no resize2fs' }] }) }),
        'Ready',
        'True',
        'ServiceAvailable',
      );
    expect(ready('Done')).toBe('the service answers at http://127.0.0.1:20000/; no resize2fs');
    expect(ready('Failed')).toBe('the service answers at http://127.0.0.1:20000/');
  });

  it('say what is not done about a lost host although the spec asks for it', () => {
    const message = expectCondition(
      conditions({ hostLost: applianceObstacles.hostLost('host-a', 'Replace') }),
      'Ready',
      'Unknown',
      'HostUnreachable',
    );
    expect(message).toContain('not supported yet');
  });

  it('stay within what the API accepts, whatever a daemon reports', () => {
    const odd = { reason: 'no reason at all!', message: 'x'.repeat(10_000) };
    expect(
      expectCondition(conditions({ report: aReport({ problem: odd }) }), 'Ready', 'False', 'HostProblem'),
    ).toHaveLength(4096);
  });
});
