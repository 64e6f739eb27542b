import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import type { LayerStatus } from '../../src/host/protocol.ts';
import { aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aView } from '../../test/builders/reports.ts';
import { expectStanding, READY, RECONCILING, STALLED } from '../../test/expectations/conditions.ts';
import { filesOf, type Layer } from '../objects/template-layers.ts';
import { isSharedWith } from '../objects/template-references.ts';
import { occurrencesOf } from '../status/occurrence.ts';
import { copiesOf, hostsToCopyTo, hostsToTell } from './copies.ts';
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
    ['its parent is not shared', layerOn('a', 'b', 'other'), [layerOn('b')], 'ParentNotShared', false],
    ['it has no image of its own', layerOn('a', 'b'), [layerOn('b')], 'NotSupportedYet', true],
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

const fetching = aLayer({ state: 'Fetching', virtualBytes: undefined } as never);

describe('the copies of a template', () => {
  const failed = aLayer({ state: 'Failed', problem: { reason: 'DigestMismatch', message: 'wrong sha256' } });

  it("follow from the hosts' reports", () => {
    const views = [
      aView({ name: 'b', holds: [aLayer()] }),
      aView({ name: 'a', holds: [fetching] }),
      aView({ name: 'c', holds: [failed] }),
      aView({ name: 'd' }),
    ];
    expect(copiesOf(aTemplate(), views)).toEqual({
      ready: ['b'],
      holding: ['a', 'b', 'c'],
      failures: [{ host: 'c', reason: 'DigestMismatch', message: 'wrong sha256', isFinal: true }],
      unbootable: undefined,
      virtualBytes: GIBI,
    });
  });

  it('are wanting on a host that knows other sources of the file than the templates name', () => {
    const [layer] = filesOf(aTemplate());
    if (layer === undefined) throw new Error('it has a disk');
    const knowing = (...templates: readonly string[]) =>
      aView({
        name: templates.join(),
        holds: [aLayer({ sources: templates.map((template) => ({ template })) })],
      });
    const views = [knowing('default/debian'), knowing('default/debian', 'other/gone'), knowing('other/b')];
    const told = (one: Layer) => hostsToTell(one, [...views, aView({ name: 'older', holds: [aLayer()] })]);
    expect(told(layer).map(({ name }) => name)).toEqual(['default/debian,other/gone', 'other/b']);
    const shared: Layer = [layer[0], { ...layer[1], others: [{ url: 'https://b', template: 'other/b' }] }];
    expect(told(shared)).toHaveLength(3);
  });

  it('have failed for a template only by its own source', () => {
    const problem = { reason: 'SourceUnreachable', message: 'https://of-another cannot be fetched' };
    const layer = aLayer({
      state: 'Fetching',
      sources: [{ template: 'default/debian' }, { template: 'other/b', problem }],
    });
    expect(copiesOf(aTemplate(), [aView({ holds: [layer] })]).failures).toEqual([]);
    const other = aTemplate({ metadata: { name: 'b', namespace: 'other' } });
    expect(copiesOf(other, [aView({ holds: [layer] })]).failures).toMatchObject([problem]);
  });

  it('have not failed for good while the source of another template may give them', () => {
    const problem = { reason: 'DigestMismatch', message: 'wrong sha256' };
    const sources = [{ template: 'default/debian', problem }, { template: 'other/b' }];
    const isFinal = (state: 'Fetching' | 'Failed') =>
      copiesOf(aTemplate(), [aView({ holds: [aLayer({ state, sources })] })]).failures[0]?.isFinal;
    expect([isFinal('Fetching'), isFinal('Failed')]).toEqual([false, true]);
  });

  it('are none where a host has only files of another template', () => {
    const template = withGuest({ boot: { kernel, commandLine: '' } });
    const shared = aLayer({ sha256: kernel.sha256, kind: 'boot' });
    const views = [aView({ name: 'a', holds: [shared] }), aView({ name: 'b', holds: [failed, shared] })];
    expect(copiesOf(template, views)).toMatchObject({
      ready: [],
      holding: ['b'],
      failures: [{ host: 'b', reason: 'DigestMismatch' }],
    });
  });

  it('go to as many hosts as the template asks for, those with the most free memory first', () => {
    const withFree = (name: string, gibi: number, holds = false) =>
      aView({
        name,
        holds: holds ? [aLayer()] : [],
        status: aHostReport({ name, used: { cpuMillis: 0, memoryBytes: (16 - gibi) * GIBI, diskBytes: 0 } }),
      });
    const views = [withFree('a', 2), withFree('b', 8), withFree('c', 8), withFree('d', 4, true)];
    const copies = (minCopies: number, mode: 'Copy' | 'OnDemand' = 'Copy') => {
      const template = aTemplate({ spec: { distribution: { mode, minCopies } } });
      return hostsToCopyTo(template, views, copiesOf(template, views)).map(({ name }) => name);
    };
    expect(copies(0)).toEqual([]);
    expect(copies(1)).toEqual([]);
    expect(copies(3)).toEqual(['b', 'c']);
    expect(copies(9)).toEqual(['b', 'c', 'a']);
    expect(copies(3, 'OnDemand')).toEqual([]);
  });

  describe('go to one host that judges it', () => {
    const passing = aLayer({
      state: 'Fetching',
      problem: { reason: 'SourceUnreachable', message: 'no answer', retryAt: '2026-01-01T00:00:00.000Z' },
    });
    const cases: [string, string, readonly (LayerStatus | undefined)[], readonly string[]][] = [
      ['when none has it', 'https', [undefined, undefined], ['a']],
      ['and no further one while that one fetches it', 'https', [fetching, undefined], []],
      ['and no further one when it has it', 'https', [aLayer(), undefined], []],
      ['and no further one when it proved that the file is wrong', 'https', [failed, undefined], []],
      ['and another one when its source does not answer', 'https', [passing, undefined], ['b']],
      ['and three at most', 'https', [passing, passing, passing, undefined], []],
      [
        'and every one for a file of the host, until one has it',
        'file',
        [failed, passing, passing, failed, undefined],
        ['e'],
      ],
    ];
    it.each(cases)('%s (%s:)', (_name, scheme, layers, expected) => {
      const image = { url: `${scheme}:///debian.qcow2`, sha256: 'a'.repeat(64) };
      const template = aTemplate({ spec: { source: { image } } });
      const views = layers.map((layer, index) =>
        aView({ name: 'abcdefg'.charAt(index), holds: layer === undefined ? [] : [layer] }),
      );
      const chosen = hostsToCopyTo(template, views, copiesOf(template, views));
      expect(chosen.map(({ name }) => name)).toEqual(expected);
      expect(hostsToCopyTo(template, views, undefined)).toEqual([]);
    });
  });
});

const kernel = { url: 'https://example.com/vmlinux', sha256: 'e'.repeat(64) };
const withGuest = (guest: object) =>
  aTemplate({ spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', ...guest } } });

describe('the status of a template', () => {
  const none = { ready: [], holding: [], failures: [], unbootable: undefined, virtualBytes: undefined };
  const onA = { ...none, ready: ['a'], holding: ['a'] };
  const failure = (host: string, reason = 'DigestMismatch') => ({
    host,
    reason,
    message: `${reason} there`,
    isFinal: true,
  });
  const status = (overrides: Partial<StatusFacts> = {}) =>
    statusOf({
      template: aTemplate(),
      position: { depth: 1 },
      copies: onA,
      appliances: 0,
      lastUsedTime: undefined,
      isPartial: false,
      hasHosts: true,
      blocker: undefined,
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
      'has nothing to boot',
      { copies: { ...onA, unbootable: 'an ext4 file system' } },
      STALLED,
      'NothingToBoot',
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
  ])('keeps its conditions when it was %s and the operator has not heard all hosts', (_name, overrides) => {
    const before = status(overrides);
    const template = aTemplate({ status: before });
    const restarted = (copies: typeof onA | typeof none) =>
      status({ template, copies, isPartial: true, hasHosts: false, now: 60_000 });
    expect(restarted(none).conditions).toEqual(before.conditions);
    expect(restarted(onA).conditions).toEqual(before.conditions);
  });

  it('keeps size and last use when hosts and appliances are gone', () => {
    const before = status({ copies: { ...onA, virtualBytes: GIBI }, lastUsedTime: '2026-02-01T00:00:00Z' });
    expect(before).toMatchObject({ virtualSize: '1Gi', layer: 'a'.repeat(64), depth: 1 });
    const after = status({ template: aTemplate({ status: before }), lastUsedTime: '2026-01-01T00:00:00Z' });
    expect(after).toMatchObject({ virtualSize: '1Gi', lastUsedTime: '2026-02-01T00:00:00Z' });
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
