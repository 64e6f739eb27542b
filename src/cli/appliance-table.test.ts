import { describe, expect, it } from 'vitest';
import { aDeployment, anAppliance } from '../../test/builders/objects.ts';
import type { VirtualAppliance } from '../api/kinds.ts';
import { controllerReference } from '../base/object.ts';
import { applianceTable, stateOf } from './appliance-table.ts';
import { tellAppliance } from './commands/describe.ts';

const ready = (status: 'True' | 'False', reason: string) =>
  [{ type: 'Ready', status, reason, message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }] as const;

const running = (name: string): VirtualAppliance =>
  anAppliance({
    metadata: {
      name,
      namespace: 'shop',
      uid: 'u-1',
      // Anybody can overwrite labels.
      labels: { 'coppice.dev/service-deployment': 'other', 'coppice.dev/service': 'other' },
      ownerReferences: [controllerReference(aDeployment({ metadata: { name: 'hello' } }))],
    },
    spec: { hostName: 'host-a', service: { name: 'web' } },
    status: {
      serviceState: 'ServiceAvailable',
      url: 'http://127.0.0.1:20000/',
      accessPoints: ['http://127.0.0.1:20000/'],
      conditions: [...ready('True', 'ServiceAvailable')],
      placement: { message: 'placed on host-a', reasons: [{ host: 'host-b', reason: 'no memory' }] },
      steps: [
        { name: 'Layers', state: 'Done', seconds: 0.01 },
        { name: 'Agent', state: 'Done', seconds: 4.26, attempts: 2 },
      ],
      vm: { state: 'Running', pid: 42, accelerator: 'tcg', commandLine: ['qemu', '-m', '128'] },
    },
  });

describe('the table of appliances', () => {
  it('is sorted by name, without the steps that took no time', () => {
    const [header, first, second, third] = applianceTable([
      running('web-1'),
      running('web-0'),
      anAppliance(),
    ]).split('\n');
    expect(header).toMatch(/^SERVICE +APPLIANCE +HOST +STATE +URL +STEPS$/);
    expect([first, second, third].filter((line) => line?.includes('shop/'))).toEqual([
      expect.stringMatching(
        /^hello\/web +shop\/web-0 +host-a +ServiceAvailable +http:\/\/127.0.0.1:20000\/ +Agent 4.3s$/,
      ),
      expect.stringMatching(/shop\/web-1/),
    ]);
  });

  it.each([
    [{ status: {} }, 'Pending'],
    [{ status: { serviceState: 'VMReady' as const } }, 'VMReady'],
    [
      { status: { serviceState: 'VMUnavailable' as const, conditions: [...ready('False', 'NoHostFits')] } },
      'NoHostFits',
    ],
    [{ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, 'Deleting'],
  ])('tells of %j as %s', (overrides, state) => {
    expect(stateOf(anAppliance(overrides))).toBe(state);
  });
});

describe('the description of an appliance', () => {
  it('has its placement with the reason per host, its steps with their times, and its VM', () => {
    const text = tellAppliance(running('web-0')).join('\n\n');
    expect(text).toMatch(/^Name: +shop\/web-0\nUUID: +u-1\n/);
    expect(text).toContain('Placement:\n  placed on host-a\n  host-b: no memory');
    expect(text).toMatch(/Agent +Done +2 +4\.3s/);
    expect(text).toContain('VM:\n  Running, process 42, tcg\n  qemu -m 128');
  });

  it('is complete even before anything has happened', () => {
    const text = tellAppliance({
      ...anAppliance({ spec: { hostName: undefined } }),
      status: undefined,
    }).join('\n\n');
    expect(text).toContain('Placement:\n  waiting for placement');
    expect(text).toMatch(/Host: +not placed yet/);
    expect(text).toContain('VM:\n  Absent');
  });
});
