import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { aDeployment, aService } from '../../test/builders/objects.ts';
import { existing, wantedFor } from '../../test/builders/wanted.ts';
import { Differences, differenceOf, updated } from './difference.ts';
import type { Service } from './services.ts';
import { wantedAppliances } from './wanted.ts';

const otherPackage = { package: { inline: { files: { a: 'b' } } } };

describe('the difference of an appliance', () => {
  const [wanted] = wantedFor({});
  const differenceWith = (spec: Partial<VirtualAppliance['spec']>) =>
    wanted === undefined ? undefined : differenceOf(existing(0, { spec }), wanted);

  it.each([
    ['none', { resources: { cpu: 0.5, memory: 268_435_456 } }],
    ['none', { template: { name: 'debian', namespace: 'default' } }],
    ['none', { hostName: 'host-a', powerState: 'Stopped' }],
    ['none', { network: {} }],
    ['update', { parameters: { env: { A: 'b' } } }],
    ['update', { timeouts: { agentSeconds: 10, serviceSeconds: 10 } }],
    ['update', { placement: { hosts: ['host-b'] } }],
    ['replace', { template: { name: 'other' } }],
    ['update', { resources: { cpu: '1', memory: '256Mi' } }],
    ['none', { disk: { mode: 'Incremental', size: '8Gi' } }],
    ['replace', { disk: { mode: 'Clone' } }],
    ['replace', { network: { pool: 'lan' } }],
    ['replace', { network: { mode: 'User', ports: [{ name: 'admin', port: 9000 }] } }],
  ] as const)('is %s for %j', (difference, spec) => {
    expect(differenceWith(spec as Partial<VirtualAppliance['spec']>)).toBe(difference);
  });

  it.each([
    ['4Gi', undefined, '4Gi', 'update'],
    ['8Gi', '4Gi', '8Gi', 'update'],
    ['4096Mi', '4Gi', '4Gi', 'none'],
    ['4Gi', '8Gi', '8Gi', 'none'],
    [undefined, '8Gi', '8Gi', 'none'],
  ] as const)(
    'lets a disk of size %s asked, %s present only grow: %s',
    (asked, present, after, difference) => {
      const diskOf = (size: string | undefined) => ({
        mode: 'Incremental' as const,
        ...(size === undefined ? {} : { size }),
      });
      const [wished] = wantedFor({ disk: diskOf(asked) });
      if (wished === undefined) throw new Error('nothing is wanted');
      const current = existing(0, { spec: { disk: diskOf(present) } });
      expect(differenceOf(current, wished)).toBe(difference);
      expect(updated(current, wished).spec.disk).toEqual(diskOf(after));
    },
  );

  it('lets a second disk be added and grow, and never takes it away', () => {
    const diskOf = (bytes: string | undefined) => ({
      mode: 'Incremental' as const,
      ...(bytes === undefined ? {} : { data: { size: bytes } }),
    });
    const cases = [
      ['1Gi', undefined, '1Gi', 'update'],
      ['2Gi', '1Gi', '2Gi', 'update'],
      ['1024Mi', '1Gi', '1Gi', 'none'],
      [undefined, '1Gi', '1Gi', 'none'],
    ] as const;
    for (const [asked, present, after, difference] of cases) {
      const [wished] = wantedFor({ disk: diskOf(asked) });
      if (wished === undefined) throw new Error('nothing is wanted');
      const current = existing(0, { spec: { disk: diskOf(present) } });
      expect(differenceOf(current, wished)).toBe(difference);
      expect(updated(current, wished).spec.disk).toEqual(diskOf(after));
    }
  });

  it('is gone after an update, which does not change host and power state', () => {
    if (wanted === undefined) throw new Error('nothing is wanted');
    const spec = { ...otherPackage, hostName: 'host-a', powerState: 'Stopped' } as const;
    const after = updated(existing(0, { spec }), wanted);
    expect(differenceOf(after, wanted)).toBe('none');
    expect(after.spec).toMatchObject({ hostName: 'host-a', powerState: 'Stopped' });
  });
});

describe('the remembered differences', () => {
  const [service, other] = [aService(), aService({ resources: { cpu: '2', memory: '256Mi' } })];
  const wantedOf = (one: Service, template = 'default/debian') => {
    const [wanted] = wantedAppliances(
      aDeployment({ spec: { services: [one] } }),
      one,
      () => template,
      () => undefined,
    );
    if (wanted === undefined) throw new Error('nothing is wanted');
    return wanted;
  };

  it('equal those computed again, whatever was asked before', () => {
    const differences = new Differences();
    const appliance = existing(0);
    const of = (one: Service, template = 'default/debian') =>
      differences.of(appliance, wantedOf(one, template), { service: one, template });
    expect([of(service), of(service), of(other), of(service)]).toEqual(['none', 'none', 'update', 'none']);
    expect(of(aService({ ...other, strategy: 'Replace' }))).toBe('replace');
    expect(of(aService({ strategy: 'Replace' })), 'without a difference').toBe('none');
    expect(of(service, 'default/other')).toBe('replace');
    const renamed = aService({ parameters: { hostname: 'web' } });
    expect(of(renamed)).toBe('update');
  });
});
