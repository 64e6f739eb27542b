import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { isSharedWith } from '../../src/domain/templates/sharing.ts';
import { aTemplate } from '../../test/builders/objects.ts';
import { LAYER } from '../../test/builders/reports.ts';
import { expectStanding, READY, RECONCILING, STALLED } from '../../test/expectations/conditions.ts';
import { occurrencesOf } from '../status/occurrence.ts';
import type { Copies } from './copies.ts';
import { positionOf } from './position.ts';
import { type StatusFacts, statusOf, TEMPLATE_EVENTS, urgencyOf } from './status.ts';

const GIBI = 1024 ** 3;

function layerOn(name: string, parent?: string, namespace = 'default'): Template {
  const source =
    parent === undefined ? aTemplate().spec.source : { parent: { name: parent, namespace: 'default' } };
  return aTemplate({ metadata: { name, namespace }, spec: { source } });
}

describe('the position of a template', () => {
  const stand = (template: Template, others: readonly Template[] = []) =>
    positionOf(template, (key) =>
      others.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key),
    );

  it('is the root with an image of its own', () => expect(stand(aTemplate())).toEqual({ depth: 1 }));

  it.each([
    ['its parent is missing', layerOn('a', 'b'), [], 'ParentNotFound', false],
    ['it is based on itself', layerOn('a', 'b'), [layerOn('b', 'a')], 'ParentCycle', true],
    ['its parent is not shared', layerOn('a', 'b', 'other'), [layerOn('b')], 'ParentNotFound', false],
  ] as const)('is unknown when %s', (_name, template, others, reason, isStalled) => {
    expect(stand(template, others)).toMatchObject({ obstacle: { reason, isStalled } });
  });
});

describe('the sharing of a template', () => {
  it.each([
    [{ scope: 'Namespace' }, [true, false, false]],
    [{ scope: 'Namespaces', namespaces: ['shop'] }, [true, true, false]],
    [{ scope: 'Cluster' }, [true, true, true]],
  ] as const)('%j', (sharing, expected) => {
    const template = aTemplate({
      spec: { sharing: { ...sharing, namespaces: [...('namespaces' in sharing ? sharing.namespaces : [])] } },
    });
    expect(['default', 'shop', 'other'].map((namespace) => isSharedWith(template, namespace))).toEqual(
      expected,
    );
  });
});

const kernel = { url: 'https://example.com/vmlinux', sha256: 'e'.repeat(64) };
const shared = aTemplate({ spec: { distribution: { ...aTemplate().spec.distribution, mode: 'Shared' } } });
const withGuest = (guest: object) =>
  aTemplate({ spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', ...guest } } });

describe('the status of a template', () => {
  const none: Copies = {
    layers: undefined,
    ready: [],
    holding: [],
    failures: [],
    unshared: [],
    directories: [],
    changed: undefined,
    unbootable: undefined,
    boots: undefined,
    virtualBytes: undefined,
  };
  const onA = { ...none, layers: { disk: LAYER }, ready: ['a'], holding: ['a'] };
  const failure = (host: string, reason = 'DigestMismatch') => ({
    host,
    reason,
    message: `${reason} there`,
    isFinal: true,
  });
  const status = ({ template = aTemplate(), ...overrides }: Partial<StatusFacts> = {}) =>
    statusOf({
      template,
      guest: template.spec.guest,
      position: { depth: 1 },
      copies: onA,
      life: {
        popularity: undefined,
        unusedSince: undefined,
        expiring: undefined,
        isDue: false,
        nextMs: undefined,
      },
      appliances: 0,
      lastUsedTime: undefined,
      isPartial: false,
      hasHosts: true,
      blocker: undefined,
      progress: undefined,
      sealing: undefined,
      now: 0,
      ...overrides,
    });

  const obstacle = { reason: 'ParentNotFound', message: 'create it', isStalled: false };
  const cases: [string, Partial<StatusFacts>, typeof READY, string][] = [
    ['is on no host, and there is none', { copies: none, hasHosts: false }, RECONCILING, 'NoHosts'],
    ['is on no host yet', { copies: none }, RECONCILING, 'Fetching'],
    ['is on no host that was heard', { copies: none, isPartial: true }, RECONCILING, 'Connecting'],
    ['is being fetched', { copies: { ...none, holding: ['a'] } }, RECONCILING, 'Fetching'],
    [
      'is being fetched where another failed',
      { copies: { ...none, holding: ['a', 'b'], failures: [failure('a')] } },
      RECONCILING,
      'Fetching',
    ],
    ['is on a host', { copies: onA }, READY, 'Available'],
    [
      'is to be shared, by no host',
      { template: shared, copies: none, hasHosts: false },
      RECONCILING,
      'NoSharedDirectory',
    ],
    [
      'is on a host, and can be shared by none',
      { template: shared, hasHosts: false },
      RECONCILING,
      'NoSharedDirectory',
    ],
    ['is put into a directory', { template: shared }, RECONCILING, 'Sharing'],
    ['is in a directory', { template: shared, copies: { ...onA, directories: ['x'] } }, READY, 'Available'],
    [
      'is copied, since its directory is full',
      { template: shared, copies: { ...onA, unshared: [failure('a', 'DiskFull')] } },
      READY,
      'Available',
    ],
    [
      'has nothing to boot',
      { copies: { ...onA, unbootable: 'an ext4 file system' } },
      STALLED,
      'NothingToBoot',
    ],
    [
      'names a firmware for which its disk has nothing',
      {
        copies: { ...onA, boots: { firmware: ['bios'], content: 'a boot sector' } },
        template: withGuest({ firmware: 'uefi' }),
      },
      STALLED,
      'OtherFirmware',
    ],
    [
      'names one of two',
      {
        copies: { ...onA, boots: { firmware: ['bios', 'uefi'], content: 'both' } },
        template: withGuest({ firmware: 'uefi' }),
      },
      READY,
      'Available',
    ],
    [
      'has nothing to boot, and gives a kernel',
      {
        copies: { ...onA, unbootable: 'an ext4 file system' },
        template: withGuest({ boot: { kernel, commandLine: '' } }),
      },
      READY,
      'Available',
    ],
    [
      'has nothing to boot, and names what looks for a kernel',
      {
        copies: { ...onA, unbootable: 'an ext4 file system' },
        template: withGuest({ xen: { bootLoader: 'PvGrub' } }),
      },
      READY,
      'Available',
    ],
    [
      'failed on one of two',
      { copies: { ...none, ready: ['a'], holding: ['a', 'b'], failures: [failure('b')] } },
      READY,
      'Available',
    ],
    [
      'failed everywhere',
      { copies: { ...none, holding: ['a'], failures: [failure('a')] } },
      STALLED,
      'DigestMismatch',
    ],
    [
      'failed everywhere, and is tried again',
      { copies: { ...none, holding: ['a'], failures: [{ ...failure('a'), isFinal: false }] } },
      RECONCILING,
      'DigestMismatch',
    ],
    [
      'failed everywhere, each in its own way',
      { copies: { ...none, holding: ['a', 'b'], failures: [failure('a'), failure('b', 'DiskFull')] } },
      STALLED,
      'ImportFailed',
    ],
    [
      'became another layer, when it was imported again',
      { copies: { ...onA, changed: { host: 'b', role: 'disk' } } },
      STALLED,
      'ContentChanged',
    ],
    ['waits for its parent', { position: { obstacle } }, RECONCILING, 'ParentNotFound'],
    [
      'needs a person',
      { position: { obstacle: { ...obstacle, isStalled: true } } },
      STALLED,
      'ParentNotFound',
    ],
    [
      'is deleted and held',
      { blocker: { reason: 'InUse', message: 'held', isStalled: false } },
      RECONCILING,
      'InUse',
    ],
  ];
  it.each(cases)('that %s', (_name, overrides, standing, reason) => {
    expectStanding(status(overrides).conditions, standing, reason);
  });

  it('names the hosts that failed', () => {
    const copies = { ...none, holding: ['a'], failures: [failure('a')] };
    expect(expectStanding(status({ copies }).conditions, STALLED, 'DigestMismatch')).toBe(
      'a: DigestMismatch there',
    );
  });

  it.each([
    ['Ready', {}],
    ['stalled', { copies: { ...onA, unbootable: 'an ext4 file system' } }],
    ['without a copy', { copies: { ...none, holding: ['a'], failures: [failure('a')] } }],
  ])(
    'keeps its conditions, and the number of its copies, when it was %s and the operator has not heard all hosts',
    (_name, overrides) => {
      const before = status(overrides);
      const template = aTemplate({ status: before });
      const restarted = (copies: Copies) =>
        status({ template, copies, isPartial: true, hasHosts: false, now: 60_000 });
      for (const after of [restarted(none), restarted(onA)])
        expect(after.conditions).toEqual(before.conditions);
      expect(restarted(none).hostsReady).toBe(before.hostsReady);
    },
  );

  it('names the host and the file that became another layer', () => {
    const copies = { ...onA, changed: { host: 'b', role: 'kernel' } } as const;
    const message = expectStanding(status({ copies }).conditions, STALLED, 'ContentChanged');
    expect(message).toContain('host b imported its kernel again');
  });

  it('keeps layers, size and last use when hosts and appliances are gone', () => {
    const before = status({ copies: { ...onA, virtualBytes: GIBI }, lastUsedTime: '2026-02-01T00:00:00Z' });
    expect(before).toMatchObject({ virtualSize: '1Gi', layers: { disk: LAYER }, depth: 1 });
    const template = aTemplate({ status: before });
    const after = status({ template, copies: none, lastUsedTime: '2026-01-01T00:00:00Z' });
    expect(after).toMatchObject({
      virtualSize: '1Gi',
      layers: { disk: LAYER },
      lastUsedTime: '2026-02-01T00:00:00Z',
    });
  });

  it('is written at once with new conditions, soon with counts, and causes one Event', () => {
    const before = status();
    const next = (overrides: Partial<StatusFacts>) =>
      status({ template: aTemplate({ status: before }), ...overrides });
    expect(urgencyOf(before, next({}))).toBe('none');
    expect(urgencyOf(before, next({ appliances: 1 }))).toBe('soon');
    const broken = next({ copies: { ...none, holding: ['a'], failures: [failure('a')] } });
    expect(urgencyOf(before, broken)).toBe('now');
    const events = (old: typeof before | undefined, now: typeof before) =>
      occurrencesOf(TEMPLATE_EVENTS, old?.conditions, now.conditions);
    expect(events(before, broken)).toMatchObject([{ type: 'Warning', reason: 'DigestMismatch' }]);
    expect(events(undefined, before)).toMatchObject([{ type: 'Normal', reason: 'Available' }]);
    expect(events(before, before)).toEqual([]);
    expect(events(undefined, next({ copies: none }))).toEqual([]);
  });
});
