import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { aDeployment, anAppliance } from '../../test/builders/objects.ts';
import { expectStanding, READY, RECONCILING, STALLED } from '../../test/expectations/conditions.ts';
import { type ServiceFacts, type StatusFacts, statusOf, urgencyOf } from './status.ts';

function appliance(
  ordinal: number,
  ready: 'True' | 'False',
  reason: string,
  stalled = false,
): VirtualAppliance {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const common = { reason, message: `it says ${reason}`, observedGeneration: 1, lastTransitionTime };
  return anAppliance({
    metadata: { name: `shop-web-${ordinal}` },
    status: {
      accessPoints: [`http://10.0.0.${ordinal}/`],
      conditions: [
        { ...common, type: 'Ready', status: ready },
        { ...common, type: 'Stalled', status: stalled ? 'True' : 'False' },
      ],
    },
  });
}

const up = (ordinal: number) => appliance(ordinal, 'True', 'ServiceAvailable');
const coming = (ordinal: number) => appliance(ordinal, 'False', 'VMReady');

function status(service: Partial<ServiceFacts>, overrides: Partial<StatusFacts> = {}) {
  const web = {
    name: 'web',
    wantedReplicas: 2,
    template: 'default/debian',
    appliances: [],
    upToDate: 2,
    ...service,
  };
  return statusOf({
    deployment: aDeployment(),
    services: [web],
    leftovers: [],
    prediction: undefined,
    now: 0,
    ...overrides,
  });
}

describe('the status of a task', () => {
  it('counts appliances and says where they answer', () => {
    const found = status({ appliances: [up(0), up(1)] });
    expectStanding(found.conditions, READY, 'Deployed');
    expect(found).toMatchObject({
      wantedReplicas: 2,
      replicas: 2,
      readyReplicas: 2,
      selector: 'coppice.dev/service-deployment=shop',
      url: 'http://10.0.0.0/',
      services: [
        { name: 'web', template: 'default/debian', accessPoints: ['http://10.0.0.0/', 'http://10.0.0.1/'] },
      ],
    });
  });

  const recalled = aDeployment({ spec: { state: 'Recalled' } });
  const obstacle = { reason: 'TemplateNotFound', message: 'create it', isStalled: false };
  const cases: [string, Partial<ServiceFacts>, Partial<StatusFacts>, typeof READY, string][] = [
    ['is on its way', { appliances: [up(0), coming(1)] }, {}, RECONCILING, 'Deploying'],
    ['is not as declared yet', { appliances: [up(0), up(1)], upToDate: 1 }, {}, RECONCILING, 'Deploying'],
    ['has one too many', { appliances: [up(0), up(1), up(2)] }, {}, RECONCILING, 'Deploying'],
    ['has leftovers', { appliances: [up(0), up(1)] }, { leftovers: [up(2)] }, RECONCILING, 'Deploying'],
    [
      'may not have what it needs',
      { appliances: [up(0)] },
      { refusal: 'exceeded quota' },
      RECONCILING,
      'Refused',
    ],
    ['has no template', { obstacle }, {}, RECONCILING, 'TemplateNotFound'],
    [
      'has a conflict',
      { obstacle: { ...obstacle, reason: 'NameConflict', isStalled: true } },
      {},
      STALLED,
      'NameConflict',
    ],
    [
      'has one that fits nowhere',
      { appliances: [up(0), appliance(1, 'False', 'NoHostFits')] },
      {},
      RECONCILING,
      'NoHostFits',
    ],
    [
      'has one that needs a person',
      { appliances: [appliance(0, 'False', 'NoHostFits'), appliance(1, 'False', 'DigestMismatch', true)] },
      {},
      STALLED,
      'DigestMismatch',
    ],
    ['is recalled', { wantedReplicas: 0, upToDate: 0 }, { deployment: recalled }, READY, 'Recalled'],
    [
      'is being recalled',
      { wantedReplicas: 0, upToDate: 0, appliances: [up(0)] },
      { deployment: recalled },
      RECONCILING,
      'Recalling',
    ],
    ['is scaled to none', { wantedReplicas: 0, upToDate: 0 }, {}, READY, 'Deployed'],
  ];
  it.each(cases)('that %s', (_name, service, overrides, standing, reason) => {
    expectStanding(status(service, overrides).conditions, standing, reason);
  });

  it('names some of the appliances in trouble', () => {
    const appliances = [0, 1, 2, 3, 4].map((ordinal) => appliance(ordinal, 'False', 'NoHostFits'));
    const message = expectStanding(
      status({ wantedReplicas: 5, appliances }).conditions,
      RECONCILING,
      'NoHostFits',
    );
    expect(message).toBe('shop-web-0, shop-web-1, shop-web-2 and 2 more: it says NoHostFits');
  });
});

describe('the urgency of a change', () => {
  const before = status({ appliances: [coming(0), coming(1)] });
  const urgencyAfter = (service: Partial<ServiceFacts>) =>
    urgencyOf(before, status(service, { deployment: aDeployment({ status: before }) }));

  it('is none for no change, soon for counts, now for what people wait for', () => {
    expect(urgencyAfter({ appliances: [coming(0), coming(1)] })).toBe('none');
    expect(urgencyAfter({ appliances: [up(0), coming(1)] })).toBe('soon');
    expect(urgencyAfter({ appliances: [up(0), up(1)] })).toBe('now');
  });

  it('is now for the choice of a template, because appliances are created from it next', () => {
    expect(urgencyAfter({ appliances: [coming(0), coming(1)], template: 'default/other' })).toBe('now');
  });
});
