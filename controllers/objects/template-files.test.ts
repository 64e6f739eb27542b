import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import type { DesiredImport } from '../../src/host/protocol.ts';
import { anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, anImport, aView, LAYER } from '../../test/builders/reports.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { problemFor } from '../daemons/import-problem.ts';
import { putImport } from '../daemons/put-import.ts';
import { PutLedger } from '../daemons/put-ledger.ts';
import {
  digestsOf,
  filesOf,
  type ImportFile,
  identitiesOf,
  layersOf,
  withOtherSources,
} from './template-files.ts';

const SHA = 'a'.repeat(64);
const from = (host: string, sha256 = SHA) => ({ url: `https://${host}/disk`, sha256 });
const signal = new AbortController().signal;

function naming(
  name: string,
  host: string,
  metadata: object = {},
  kernel?: ReturnType<typeof from>,
): Template {
  const boot = kernel === undefined ? {} : { boot: { kernel, commandLine: '' } };
  return aTemplate({
    metadata: { name, ...metadata },
    spec: {
      source: { image: from(host) },
      guest: { os: 'linux', agent: 'qemu-guest-agent', ...boot },
    },
  });
}

function diskOf(template: Template): ImportFile {
  const disk = filesOf(template).get('disk');
  if (disk === undefined) throw new Error('it has a disk');
  return disk;
}

const mine = naming('mine', 'a');

describe('the files of a template', () => {
  it('are its disk and what it boots from, also when these have one digest', () => {
    const odd = naming('odd', 'a', { namespace: 'shop' }, from('k'));
    const template = 'shop/odd';
    expect([...filesOf(odd)]).toEqual([
      [
        'disk',
        {
          key: { sha256: SHA, kind: 'disk', namespace: 'shop' },
          desired: { kind: 'disk', url: 'https://a/disk', template },
        },
      ],
      [
        'kernel',
        {
          key: { sha256: SHA, kind: 'boot', namespace: 'shop' },
          desired: { kind: 'boot', url: 'https://k/disk', template },
        },
      ],
    ]);
    expect(digestsOf(odd)).toEqual([SHA]);
  });

  it('may have a CD among them, which is a layer of a kind of its own', () => {
    const { spec } = mine;
    const template = aTemplate({
      spec: { ...spec, guest: { ...spec.guest, cd: from('c', 'c'.repeat(64)) } },
      status: { layers: { disk: LAYER } },
    });
    expect(filesOf(template).get('cd')?.desired).toMatchObject({ kind: 'cd', url: 'https://c/disk' });
    expect(layersOf(template)).toBeUndefined();
    const layers = { disk: LAYER, cd: '9'.repeat(64) };
    const known = layersOf({ ...template, status: { ...template.status, layers } as Template['status'] });
    expect(known).toEqual(layers);
    expect(identitiesOf(known)).toEqual([LAYER, layers.cd]);
  });
});

describe('the layers of a template', () => {
  const [kernel, initrd] = ['2', '3'].map((digit) => digit.repeat(64)) as [string, string];
  const booting = (layers: object, files: object = {}) =>
    aTemplate({
      spec: {
        guest: {
          os: 'linux',
          agent: 'qemu-guest-agent',
          boot: { kernel: from('k'), commandLine: '', ...files },
        },
      },
      status: { layers },
    });
  const withInitrd = { initrd: from('i') };

  it.each([
    ['nothing is', aTemplate(), undefined],
    ['its disk is', anImportedTemplate(), { disk: LAYER }],
    ['its kernel is not', booting({ disk: LAYER }), undefined],
    ['its kernel alone is', booting({ kernel }), undefined],
    ['its kernel is', booting({ disk: LAYER, kernel }), { disk: LAYER, kernel }],
    ['its initial RAM disk is not', booting({ disk: LAYER, kernel }, withInitrd), undefined],
    ['all are', booting({ disk: LAYER, kernel, initrd }, withInitrd), { disk: LAYER, kernel, initrd }],
  ])('are known when all of them are: %s', (_name, template, expected) => {
    expect(layersOf(template)).toEqual(expected);
  });

  it('are named once each, the disk first', () => {
    expect(identitiesOf({ initrd: kernel, kernel, disk: LAYER })).toEqual([LAYER, kernel]);
    expect(identitiesOf(undefined)).toEqual([]);
  });
});

describe('the sources of an import', () => {
  const othersOf = (...templates: readonly Template[]) =>
    withOtherSources(diskOf(mine), [mine, ...templates]).desired.others;

  it('are those of all templates of the namespace that use the digest in the same way, in one order', () => {
    const [b, c] = [naming('b', 'b'), naming('c', 'c')];
    const expected = [
      { url: 'https://b/disk', template: 'default/b' },
      { url: 'https://c/disk', template: 'default/c' },
    ];
    expect(othersOf(b, c)).toEqual(expected);
    expect(othersOf(c, b)).toEqual(expected);
  });

  it('are not those of templates of another namespace, that go, or that use it as a kernel', () => {
    const kernelOnly = aTemplate({
      metadata: { name: 'k' },
      spec: {
        source: { image: from('k', 'f'.repeat(64)) },
        guest: { os: 'linux', agent: 'qemu-guest-agent', boot: { kernel: from('k'), commandLine: '' } },
      },
    });
    expect(othersOf(kernelOnly)).toBeUndefined();
    expect(othersOf(naming('b', 'b', { namespace: 'other' }))).toBeUndefined();
    expect(othersOf(naming('b', 'b', { deletionTimestamp: '2026-01-01T00:00:00Z' }))).toBeUndefined();
    expect(othersOf()).toBeUndefined();
  });

  it('are no more than a host takes', () => {
    const many = Array.from({ length: 300 }, (_, n) => naming(`t${n}`, `h${n}`));
    const others = othersOf(...many);
    expect(others).toHaveLength(200);
    expect(others?.slice(0, 2).map(({ template }) => template)).toEqual(['default/t0', 'default/t1']);
  });
});

describe('the request for an import', () => {
  const shared = withOtherSources(diskOf(mine), [mine, naming('b', 'b')]);

  function setUp() {
    const sent: [string, DesiredImport][] = [];
    const daemon = {
      putImport: async (sha256: string, desired: DesiredImport) => void sent.push([sha256, desired]),
    } as unknown as Daemon;
    const ledger = new PutLedger();
    return async (overrides: Parameters<typeof aView>[0], file = shared) => {
      await putImport(daemon, aView(overrides), ledger, file, signal);
      return sent.splice(0);
    };
  }
  const knowing = (...templates: readonly string[]) => ({
    imported: [anImport({ sources: templates.map((template) => ({ template })) })],
  });

  it('has all sources, and goes to a host that does not import it', async () => {
    const put = setUp();
    expect(await put({})).toEqual([
      [
        SHA,
        {
          kind: 'disk',
          url: 'https://a/disk',
          template: 'default/mine',
          others: [{ url: 'https://b/disk', template: 'default/b' }],
        },
      ],
    ]);
    const ofAnother = anImport({ namespace: 'other', sources: [{ template: 'default/mine' }] });
    expect(await put({ imported: [ofAnother] })).toHaveLength(1);
  });

  it('goes again to a host that lost its sources, or whose daemon started again, and only then', async () => {
    const put = setUp();
    expect(await put(knowing('default/b'))).toHaveLength(1);
    expect(await put(knowing('default/b', 'default/mine'))).toEqual([]);
    expect(await put(knowing('default/b'))).toHaveLength(1);
    expect(await put(knowing(...Array.from({ length: 201 }, (_, n) => `default/t${n}`)))).toEqual([]);
    const status = aHostReport({ startedAt: '2026-02-02T00:00:00.000Z' });
    expect(await put({ ...knowing('default/mine'), status })).toHaveLength(1);
  });

  it('goes again when a source came or went', async () => {
    const put = setUp();
    const known = knowing('default/mine', 'default/b');
    expect(await put(known)).toHaveLength(1);
    expect(await put(known, diskOf(mine))).toEqual([
      [SHA, { kind: 'disk', url: 'https://a/disk', template: 'default/mine' }],
    ]);
  });
});

describe('what is wrong with an import', () => {
  const problem = { reason: 'SourceUnreachable', message: 'https://b/disk cannot be fetched' };

  it('is for a template what is wrong with its own source', () => {
    const found = anImport({
      problem: { reason: 'SourcesFailed', message: 'none of its sources gives it' },
      sources: [{ template: 'default/a' }, { template: 'default/b', problem }],
    });
    expect(problemFor(found, 'default/b')).toEqual(problem);
    expect(problemFor(found, 'default/a')).toBeUndefined();
  });

  it('is nothing for a template whose source the host does not know yet, unless it can take no more', () => {
    const knowing = (count: number) =>
      anImport({
        problem,
        sources: Array.from({ length: count }, (_, n) => ({ template: `b/${n}`, problem })),
      });
    expect(problemFor(knowing(1), 'default/new')).toBeUndefined();
    expect(problemFor(knowing(201), 'default/new')).toEqual(problem);
  });
});
