import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import type { HostStatus, ImportStatus, LayerStatus } from '../../src/host/protocol.ts';
import { aHost, anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, anImport, aView, LAYER } from '../../test/builders/reports.ts';
import { hostsInOrder } from '../daemons/copy-hosts.ts';
import type { HostView } from '../daemons/view.ts';
import { countsOf } from '../objects/template-copies.ts';
import { filesOf, type ImportFile } from '../objects/template-files.ts';
import { copiesOf, hostsToCopyTo, hostsToTell, hostToImport, takesFilesOf } from './copies.ts';

const GIBI = 1024 ** 3;
const NOW = Date.parse('2026-01-01T00:00:00Z');

const kernel = { url: 'https://example.com/vmlinux', sha256: 'e'.repeat(64) };
const withGuest = (guest: object) =>
  aTemplate({ spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', ...guest } } });

const fetching = anImport({ state: 'Fetching' });
const failed = anImport({
  state: 'Failed',
  sources: [{ template: 'default/debian', problem: { reason: 'DigestMismatch', message: 'wrong sha256' } }],
});

describe('the hosts that take the files of a template', () => {
  const on = (...capabilities: HostStatus['driver']['capabilities']) =>
    aView({ status: aHostReport({ driver: { ...aHostReport().driver, capabilities } }) });

  it('know CDs, if it has one', () => {
    const old = on('dataDisk');
    const withCd = withGuest({ cd: kernel });
    expect([takesFilesOf(aTemplate(), old), takesFilesOf(withCd, old)]).toEqual([true, false]);
    expect(takesFilesOf(withCd, on('hvmCdDrive'))).toBe(true);
  });
});

describe('the copies of a template', () => {
  it("follow from the hosts' reports", () => {
    const views = [
      aView({ name: 'b', imported: [anImport()], holds: [aLayer()] }),
      aView({ name: 'a', imported: [fetching] }),
      aView({ name: 'c', imported: [failed] }),
      aView({ name: 'd' }),
      aView({ name: 'e', holds: [aLayer({ state: 'Fetching' })] }),
    ];
    expect(copiesOf(aTemplate(), views)).toEqual({
      layers: { disk: LAYER },
      unshared: [],
      directories: [],
      ready: ['b'],
      holding: ['a', 'b', 'c', 'e'],
      failures: [{ host: 'c', reason: 'DigestMismatch', message: 'wrong sha256', isFinal: true }],
      changed: undefined,
      unbootable: undefined,
      virtualBytes: GIBI,
    });
  });

  it('are whole with the layers alone, wherever these come from', () => {
    const views = [aView({ name: 'a', holds: [aLayer()] })];
    expect(copiesOf(anImportedTemplate(), views)).toMatchObject({
      ready: ['a'],
      holding: ['a'],
      failures: [],
    });
    const notMine = [aView({ name: 'a', imported: [anImport({ namespace: 'other' })], holds: [aLayer()] })];
    expect(copiesOf(aTemplate(), notMine)).toMatchObject({ layers: undefined, ready: [], holding: [] });
  });

  it('are judged by their disk', () => {
    const disk = aLayer({ bootable: false, content: 'an ext4 file system', virtualBytes: 5 });
    const judged = copiesOf(anImportedTemplate(), [aView({ holds: [disk] })]);
    expect(judged).toMatchObject({ unbootable: 'an ext4 file system', virtualBytes: 5 });
    expect(copiesOf(anImportedTemplate(), [aView({ holds: [aLayer({ bootable: false })] })]).unbootable).toBe(
      'nothing known',
    );
    expect(copiesOf(aTemplate(), [aView({ holds: [disk] })]).unbootable).toBeUndefined();
  });

  it('have failed where a layer cannot be fetched or used, unless the host tries again', () => {
    const problem = { reason: 'LayerCorrupt', message: 'it has changed' };
    const on = (layer: Partial<LayerStatus>) =>
      copiesOf(anImportedTemplate(), [aView({ imported: [anImport()], holds: [aLayer(layer)] })]);
    expect(on({ state: 'Failed', problem })).toMatchObject({
      ready: [],
      holding: ['host-a'],
      // Another host may import it.
      failures: [{ host: 'host-a', ...problem, isFinal: false }],
    });
    const retryAt = '2026-01-01T00:00:00.000Z';
    expect(on({ state: 'Failed', problem: { ...problem, retryAt } }).failures).toMatchObject([
      { isFinal: false },
    ]);
    expect(on({ state: 'Fetching', problem }).failures).toMatchObject([{ isFinal: false }]);
  });

  it('are wanting on a host that knows other sources of the file than the templates name', () => {
    const file = filesOf(aTemplate()).get('disk');
    if (file === undefined) throw new Error('it has a disk');
    const knowing = (state: ImportStatus['state'], ...templates: readonly string[]) =>
      aView({
        name: [state, ...templates].join(),
        imported: [anImport({ state, sources: templates.map((template) => ({ template })) })],
      });
    const views = [
      knowing('Fetching', 'default/debian'),
      knowing('Fetching', 'default/debian', 'default/gone'),
      knowing('Failed', 'default/b'),
      knowing('Ready', 'default/b'),
      aView({
        name: 'of another',
        imported: [anImport({ state: 'Fetching', namespace: 'other', sources: [] })],
      }),
      aView({ name: 'none' }),
    ];
    const told = (one: ImportFile) => hostsToTell(one, views).map(({ name }) => name);
    expect(told(file)).toEqual(['Fetching,default/debian,default/gone', 'Failed,default/b']);
    const others = [{ url: 'https://b', template: 'default/b' }];
    expect(told({ ...file, desired: { ...file.desired, others } })).toHaveLength(3);
  });

  it('have failed for a template only by its own source', () => {
    const problem = { reason: 'SourceUnreachable', message: 'https://of-another cannot be fetched' };
    const sources = [{ template: 'default/debian' }, { template: 'default/b', problem }];
    const views = [aView({ imported: [anImport({ state: 'Fetching', sources })] })];
    expect(copiesOf(aTemplate(), views).failures).toEqual([]);
    const other = aTemplate({ metadata: { name: 'b' } });
    expect(copiesOf(other, views).failures).toMatchObject([problem]);
  });

  it('have not failed for good while the source of another template may give them', () => {
    const problem = { reason: 'DigestMismatch', message: 'wrong sha256' };
    const sources = [{ template: 'default/debian', problem }, { template: 'default/b' }];
    const isFinal = (state: 'Fetching' | 'Failed') =>
      copiesOf(aTemplate(), [aView({ imported: [anImport({ state, sources })] })]).failures[0]?.isFinal;
    expect([isFinal('Fetching'), isFinal('Failed')]).toEqual([false, true]);
  });

  it('are none where a host has only files of another template', () => {
    const template = withGuest({ boot: { kernel, commandLine: '' } });
    const shared = anImport({ sha256: kernel.sha256, kind: 'boot', identity: '2'.repeat(64) });
    const views = [
      aView({ name: 'a', imported: [shared], holds: [aLayer({ identity: '2'.repeat(64), kind: 'boot' })] }),
      aView({ name: 'b', imported: [failed, shared] }),
    ];
    expect(copiesOf(template, views)).toMatchObject({
      ready: [],
      holding: ['b'],
      failures: [{ host: 'b', reason: 'DigestMismatch' }],
    });
    const layers = { disk: LAYER, kernel: '2'.repeat(64) };
    const known = copiesOf({ ...template, status: { layers } }, views);
    expect(known).toMatchObject({ layers, ready: [], holding: ['b'] });
  });

  describe('go to as many hosts as the template asks for', () => {
    const withFree = (name: string, gibi: number, holds: readonly LayerStatus[] = []) =>
      aView({
        name,
        holds,
        status: aHostReport({ name, used: { cpuMillis: 0, memoryBytes: (16 - gibi) * GIBI, diskBytes: 0 } }),
      });
    const groups = new Map([
      ['x', { group: 'right' }],
      ['y', { group: 'left' }],
      ['z', { group: 'right' }],
    ]);
    const copying = (template: Template, usable: readonly HostView[], all = usable) => {
      const hosts = usable.map(({ name }) => aHost({ metadata: { name }, spec: groups.get(name) ?? {} }));
      const views = { get: (name: string) => usable.find((view) => view.name === name) };
      const ranked = () => hostsInOrder(hosts, views, () => [], { error: () => expect.unreachable() });
      const { wanted } = countsOf(template, NOW);
      return hostsToCopyTo(template, copiesOf(template, all), wanted, ranked).map(({ name }) => name);
    };
    const chosen = (views: readonly HostView[], minCopies: number, mode: 'Copy' | 'OnDemand' = 'Copy') => {
      const distribution = { ...aTemplate().spec.distribution, mode, minCopies };
      return copying(anImportedTemplate({ spec: { distribution } }), views);
    };
    const others = [withFree('a', 2), withFree('b', 8), withFree('c', 8)];

    it('those with the most free memory first', () => {
      const views = [...others, withFree('d', 4, [aLayer()])];
      const copies = (minCopies: number, mode?: 'OnDemand') => chosen(views, minCopies, mode);
      expect(copies(0)).toEqual([]);
      expect(copies(1)).toEqual([]);
      expect(copies(3)).toEqual(['b', 'c']);
      expect(copies(9)).toEqual(['b', 'c', 'a']);
      expect(copies(3, 'OnDemand')).toEqual([]);
    });

    it('and those that have begun are asked again, before others', () => {
      const begun = [aLayer({ state: 'Fetching' })];
      const views = [withFree('d', 4, [aLayer()]), withFree('e', 1, begun), ...others];
      expect(chosen(views, 2)).toEqual(['e']);
      expect(chosen(views, 3)).toEqual(['e', 'b']);
      expect(chosen(views, 1)).toEqual([]);
    });

    it('and more the more it is used and the more it matters, from the groups with the fewest', () => {
      const views = [withFree('z', 1, [aLayer()]), withFree('x', 9), withFree('y', 3), withFree('a', 2)];
      const used = (value: number, overrides: Partial<Template['spec']['distribution']> = {}) =>
        copying(
          anImportedTemplate({
            spec: { distribution: { ...aTemplate().spec.distribution, ...overrides } },
            status: { layers: { disk: LAYER }, popularity: { value, time: new Date(NOW).toISOString() } },
          }),
          views,
        );
      expect(used(1)).toEqual([]);
      expect(used(2)).toEqual(['y']);
      expect(used(1, { importance: 2 })).toEqual(['y']);
      expect(used(5)).toEqual(['y', 'a']);
      expect(used(50)).toEqual(['y', 'a', 'x']);
      expect(used(50, { maxCopies: 2 })).toEqual(['y']);
      expect(used(50, { importance: 0 })).toEqual([]);
    });

    it('but not those that do not know what its files are', () => {
      const identity = '9'.repeat(64);
      const withCd = anImportedTemplate({
        spec: {
          distribution: { ...aTemplate().spec.distribution, minCopies: 3 },
          guest: { os: 'linux', agent: 'qemu-guest-agent', cd: kernel },
        },
        status: { layers: { disk: LAYER, cd: identity } },
      });
      const { driver } = aHostReport();
      const knows = (name: string, ...capabilities: HostStatus['driver']['capabilities']) =>
        aView({ name, status: aHostReport({ name, driver: { ...driver, capabilities } }) });
      const having = withFree('d', 4, [aLayer(), aLayer({ identity, kind: 'cd' })]);
      expect(copying(withCd, [having, knows('old', 'dataDisk'), knows('new', 'hvmCdDrive')])).toEqual([
        'new',
      ]);
    });

    it('once one has it to give', () => {
      const begun = withFree('d', 4, [aLayer({ state: 'Fetching' })]);
      expect(chosen([...others, begun], 3)).toEqual([]);
      expect(chosen(others, 3)).toEqual([]);
      const [away, template] = [withFree('away', 4, [aLayer()]), anImportedTemplate()];
      template.spec.distribution.minCopies = 2;
      expect(copying(template, others, [away, ...others])).toEqual(['b', 'c']);
    });
  });

  describe('begin on one host that imports the files and judges them', () => {
    const passing = anImport({
      state: 'Fetching',
      sources: [
        {
          template: 'default/debian',
          problem: { reason: 'SourceUnreachable', message: 'no answer', retryAt: '2026-01-01T00:00:00.000Z' },
        },
      ],
    });
    const cases: [string, string, readonly (ImportStatus | undefined)[], string | undefined][] = [
      ['when none has it', 'https', [undefined, undefined], 'a'],
      ['also when one imports it for another namespace', 'https', [anImport({ namespace: 'other' })], 'a'],
      ['and no further one while that one fetches it', 'https', [fetching, undefined], undefined],
      ['and no further one when it proved that the file is wrong', 'https', [failed, undefined], undefined],
      ['and another one when its source does not answer', 'https', [passing, undefined], 'b'],
      ['and three at most', 'https', [passing, passing, passing, undefined], undefined],
      [
        'and every one for a file of the host, until one has it',
        'file',
        [failed, passing, passing, failed, undefined],
        'e',
      ],
    ];
    it.each(cases)('%s (%s:)', (_name, scheme, imports, expected) => {
      const image = { url: `${scheme}:///debian.qcow2`, sha256: 'a'.repeat(64) };
      const template = aTemplate({ spec: { source: { image } } });
      const views = imports.map((one, index) =>
        aView({ name: 'abcdefg'.charAt(index), imported: one === undefined ? [] : [one] }),
      );
      expect(hostToImport(template, views, copiesOf(template, views))?.name).toBe(expected);
    });

    it('and on none when one has its layers, be it away', () => {
      const having = aView({ name: 'b', holds: [aLayer()] });
      const usable = [aView({ name: 'a' })];
      const template = anImportedTemplate();
      expect(hostToImport(template, usable, copiesOf(template, [...usable, having]))).toBeUndefined();
      expect(hostToImport(template, usable, copiesOf(template, usable))?.name).toBe('a');
    });

    it('which has the most free memory', () => {
      const used = { cpuMillis: 0, memoryBytes: GIBI, diskBytes: 0 };
      const views = [aView({ name: 'a', status: aHostReport({ used }) }), aView({ name: 'b' })];
      expect(hostToImport(aTemplate(), views, copiesOf(aTemplate(), views))?.name).toBe('b');
    });
  });
});
