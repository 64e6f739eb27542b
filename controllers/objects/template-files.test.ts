import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import type { DesiredLayer } from '../../src/host/protocol.ts';
import { aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aView } from '../../test/builders/reports.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { problemFor } from '../daemons/layer-problem.ts';
import { putLayer } from '../daemons/put-layer.ts';
import { PutLedger } from '../daemons/put-ledger.ts';
import { digestsOf, filesOf, type Layer, layersOf, withOtherSources } from './template-layers.ts';

const SHA = 'a'.repeat(64);
const from = (host: string, sha256 = SHA) => ({ url: `https://${host}/disk`, sha256 });

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

const mine = naming('mine', 'a');

describe('the files of a template', () => {
  it('are its disk and what it boots from, also when these have one digest', () => {
    const odd = naming('odd', 'a', {}, from('k'));
    expect(filesOf(odd).map(([sha256, { kind }]) => [sha256, kind])).toEqual([
      [SHA, 'disk'],
      [SHA, 'boot'],
    ]);
    expect(layersOf(odd).boot).toHaveLength(1);
    expect(digestsOf(odd)).toEqual([SHA]);
  });
});

describe('the sources of a layer', () => {
  const othersOf = (...templates: readonly Template[]) =>
    withOtherSources(layersOf(mine).disk, [mine, ...templates])[1].others;

  it('are those of all templates that use the digest in the same way, in one order', () => {
    const [b, c] = [naming('b', 'b', { namespace: 'other' }), naming('c', 'c')];
    const expected = [
      { url: 'https://c/disk', template: 'default/c' },
      { url: 'https://b/disk', template: 'other/b' },
    ];
    expect(othersOf(b, c)).toEqual(expected);
    expect(othersOf(c, b)).toEqual(expected);
  });

  it('are not those of templates that go, or that use it as a kernel', () => {
    const kernelOnly = aTemplate({
      metadata: { name: 'k' },
      spec: {
        source: { image: from('k', 'f'.repeat(64)) },
        guest: { os: 'linux', agent: 'qemu-guest-agent', boot: { kernel: from('k'), commandLine: '' } },
      },
    });
    expect(othersOf(kernelOnly)).toBeUndefined();
    expect(othersOf(naming('b', 'b', { deletionTimestamp: '2026-01-01T00:00:00Z' }))).toBeUndefined();
    expect(othersOf()).toBeUndefined();
  });

  it('are no more than a host takes', () => {
    const many = Array.from({ length: 300 }, (_, n) => naming(`t${n}`, `h${n}`));
    const others = othersOf(...many, naming('z', 'z', { namespace: 'zoo' }));
    expect(others).toHaveLength(200);
    expect(others?.slice(0, 2).map(({ template }) => template)).toEqual(['default/t0', 'zoo/z']);
  });

  const shared: Layer = withOtherSources(layersOf(mine).disk, [mine, naming('b', 'b')]);
  const put = async (layerSources?: boolean) => {
    const sent: DesiredLayer[] = [];
    const daemon = {
      putLayer: async (_: string, desired: DesiredLayer) => void sent.push(desired),
    } as unknown as Daemon;
    const status = aHostReport(layerSources === undefined ? {} : { layerSources });
    await putLayer(daemon, aView({ status }), new PutLedger(), shared, new AbortController().signal);
    return sent[0];
  };

  it('go again to a host that lost them, and only then', async () => {
    const sent: string[] = [];
    const daemon = {
      putLayer: async (sha256: string) => void sent.push(sha256),
    } as unknown as Daemon;
    const ledger = new PutLedger();
    const putTo = async (...templates: readonly string[]) => {
      const sources = templates.map((template) => ({ template }));
      const view = aView({ status: aHostReport({ layerSources: true }), holds: [aLayer({ sources })] });
      await putLayer(daemon, view, ledger, shared, new AbortController().signal);
      return sent.splice(0).length;
    };
    expect(await putTo('default/b')).toBe(1);
    expect(await putTo('default/b', 'default/mine')).toBe(0);
    expect(await putTo('default/b')).toBe(1);
    expect(await putTo(...Array.from({ length: 201 }, (_, n) => `default/t${n}`))).toBe(0);
  });

  it('go to a host that takes several; an older one gets its own template’s', async () => {
    expect((await put(true))?.others).toHaveLength(1);
    expect(await put()).toEqual({ kind: 'disk', url: 'https://a/disk', template: 'default/mine' });
  });
});

describe('what is wrong with a layer', () => {
  const problem = { reason: 'SourceUnreachable', message: 'https://b/disk cannot be fetched' };

  it('is for a template what is wrong with its own source', () => {
    const layer = aLayer({
      problem: { reason: 'SourcesFailed', message: 'none of its sources gives it' },
      sources: [{ template: 'default/a' }, { template: 'other/b', problem }],
    });
    expect(problemFor(layer, 'other/b')).toEqual(problem);
    expect(problemFor(layer, 'default/a')).toBeUndefined();
  });

  it('is nothing for a template whose source the host does not know yet, unless it can take no more', () => {
    const knowing = (count: number) =>
      aLayer({
        problem,
        sources: Array.from({ length: count }, (_, n) => ({ template: `b/${n}`, problem })),
      });
    expect(problemFor(knowing(1), 'default/new')).toBeUndefined();
    expect(problemFor(knowing(201), 'default/new')).toEqual(problem);
  });

  it('is what an older daemon says', () => {
    expect(problemFor(aLayer({ problem }), 'default/a')).toEqual(problem);
  });
});
