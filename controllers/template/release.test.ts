import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { HostApiError } from '../../src/host/client.ts';
import type { ImportKey, ImportStatus } from '../../src/host/protocol.ts';
import { cachesOf } from '../../test/builders/caches.ts';
import { aHost, anAppliance, anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, anImport, LAYER } from '../../test/builders/reports.ts';
import type { OperatorContext } from '../context.ts';
import { HostViews, importId } from '../daemons/view.ts';
import { release } from './release.ts';

const OWN = importId(anImport());
const deletionTimestamp = '2026-01-01T00:00:00Z';
const ofAnother = anImport({ namespace: 'other' });

/** Its image became LAYER. */
function named(name: string, namespace = 'default'): Template {
  return anImportedTemplate({ metadata: { name, namespace, uid: `${namespace}/${name}` } });
}

function going(template: Template): Template {
  return { ...template, metadata: { ...template.metadata, deletionTimestamp } };
}

/** Before the status says which layers its files became. */
function early({ status: _, ...template }: Template): Template {
  return template;
}

interface World {
  readonly others?: readonly Template[];
  readonly imported?: readonly ImportStatus[];
  readonly appliances?: Parameters<typeof cachesOf>[0]['appliances'];
  /** Whether the host was heard since the operator started. */
  readonly heard?: boolean;
  readonly connected?: boolean;
  readonly refusal?: HostApiError;
}

async function releasing(template: Template, world: World = {}) {
  const { others = [], imported = [anImport()], appliances = [], heard = true, connected = true } = world;
  const calls: string[] = [];
  const views = new HostViews();
  views.open('host-a', 0);
  const status = aHostReport({ imports: imported, layers: [aLayer()] });
  if (heard) views.replace('host-a', { status, appliances: [] }, 0);
  if (connected) views.setLink('host-a', { state: 'connected' });
  const daemon = {
    deleteSeal: async () => undefined,
    deleteImport: async (key: ImportKey) => void calls.push(importId(key)),
    deleteLayer: async (identity: string) => {
      if (world.refusal !== undefined) throw world.refusal;
      calls.push(identity);
    },
  };
  const host = aHost({ status: { layers: [{ identity: LAYER, state: 'Ready' }] } });
  const context = {
    views,
    caches: cachesOf({ templates: [template, ...others], hosts: [host], appliances }),
    links: { client: () => daemon },
    sharing: { forget: (identity: string) => calls.push(`forget ${identity}`) },
  } as unknown as OperatorContext;
  return { blocker: await release(context, template, new AbortController().signal), calls };
}

describe('the release of a template', () => {
  const all = { blocker: undefined, calls: [OWN, LAYER, `forget ${LAYER}`] };

  it('deletes its imports, then its layers, and ends their sharing', async () => {
    expect(await releasing(going(named('a')))).toEqual(all);
  });

  it('deletes the layer also where the import is gone', async () => {
    const { calls } = await releasing(going(named('a')), { imported: [] });
    expect(calls).toContain(LAYER);
  });

  it('deletes from a host that was not heard what its status says it has', async () => {
    expect(await releasing(going(named('a')), { heard: false })).toEqual(all);
  });

  it('deletes what its files became before its status says so', async () => {
    expect(await releasing(going(early(named('a'))))).toEqual(all);
    const kernel = { url: 'https://k', sha256: 'b'.repeat(64) };
    const guest = { os: 'linux', agent: 'qemu-guest-agent', boot: { kernel, commandLine: '' } } as const;
    const waiting = going(aTemplate({ spec: { guest } }));
    const fetching = anImport({ sha256: kernel.sha256, kind: 'boot', state: 'Fetching' });
    expect(await releasing(waiting, { imported: [anImport(), fetching] })).toEqual({
      blocker: undefined,
      calls: [OWN, importId(fetching), LAYER, `forget ${LAYER}`],
    });
  });

  it('leaves what another template of its namespace has as well', async () => {
    const nothing = { blocker: undefined, calls: [] };
    for (const other of [named('other'), early(named('other'))]) {
      expect(await releasing(going(named('a')), { others: [other] })).toEqual(nothing);
      expect(await releasing(going(early(named('a'))), { others: [other] })).toEqual(nothing);
    }
  });

  it('leaves the layer of a template of another namespace, and deletes its own import', async () => {
    const own = { blocker: undefined, calls: [OWN] };
    const imported = [anImport(), ofAnother];
    const other = named('debian', 'other');
    expect(await releasing(going(named('a')), { others: [other] })).toEqual(own);
    expect(await releasing(going(named('a')), { others: [early(other)], imported })).toEqual(own);
    expect(await releasing(going(early(named('a'))), { others: [early(other)], imported })).toEqual(own);
  });

  it('deletes all once when all templates that have it are deleted together', async () => {
    const [a, b] = [going(named('a')), going(named('b'))];
    expect((await releasing(a, { others: [b] })).calls).toEqual([]);
    expect((await releasing(b, { others: [a] })).calls).toEqual(all.calls);
  });

  it('deletes the layer once, and each import, when those of several namespaces are deleted together', async () => {
    const [a, b] = [going(named('z')), going(named('a', 'other'))];
    const imported = [anImport(), ofAnother];
    expect((await releasing(a, { others: [b], imported })).calls).toEqual([OWN]);
    expect((await releasing(b, { others: [a], imported })).calls).toEqual([
      importId(ofAnother),
      LAYER,
      `forget ${LAYER}`,
    ]);
  });

  it('deletes the import of a disk whose file another template only boots from', async () => {
    const kernel = { url: 'https://k', sha256: anImport().sha256 };
    const guest = { os: 'linux', agent: 'qemu-guest-agent', boot: { kernel, commandLine: '' } } as const;
    const source = { image: { url: 'https://d', sha256: 'f'.repeat(64) } };
    const other = aTemplate({ metadata: { name: 'other', uid: 'other' }, spec: { source, guest } });
    expect(await releasing(going(named('a')), { others: [other] })).toEqual(all);
  });

  it('waits for the appliances that stand on it', async () => {
    const appliances = [anAppliance({ spec: { template: { name: 'a' } } })];
    expect(await releasing(going(named('a')), { appliances })).toMatchObject({
      blocker: { reason: 'InUse', message: expect.stringContaining('default/web-0') },
      calls: [],
    });
  });

  it('waits for a host that has its files and is away', async () => {
    for (const heard of [true, false])
      expect(await releasing(going(named('a')), { connected: false, heard })).toMatchObject({
        blocker: { reason: 'HostUnreachable', message: expect.stringContaining('host-a') },
        calls: [],
      });
  });

  it('names the host that refuses to delete them, and shares the layer on until it is gone', async () => {
    const refusal = new HostApiError(409, { reason: 'LayerInUse', message: 'appliance x stands on it' });
    expect(await releasing(going(named('a')), { refusal })).toEqual({
      blocker: {
        reason: 'InUse',
        isStalled: false,
        message: 'host host-a does not delete its files: appliance x stands on it',
      },
      calls: [OWN],
    });
  });
});
