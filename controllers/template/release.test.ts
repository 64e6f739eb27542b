import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { HostApiError } from '../../src/host/client.ts';
import { createStore } from '../../src/kube/informer/store.ts';
import { aHost, aTemplate } from '../../test/builders/objects.ts';
import { aLayer } from '../../test/builders/reports.ts';
import type { OperatorContext } from '../context.ts';
import { HostViews } from '../daemons/view.ts';
import { APPLIANCE_INDEXES, TEMPLATE_INDEXES } from '../indexes.ts';
import { release } from './release.ts';

const deletionTimestamp = '2026-01-01T00:00:00Z';

function going(name: string): Template {
  return aTemplate({ metadata: { name, uid: name, deletionTimestamp } });
}

async function releasing(template: Template, others: readonly Template[], refusal?: HostApiError) {
  const deleted: string[] = [];
  const views = new HostViews();
  views.open('host-a', 0);
  views.setLink('host-a', { state: 'connected' });
  views.apply('host-a', { type: 'layer', layer: aLayer() }, 0);
  const deleteLayer = async (digest: string) => {
    if (refusal !== undefined) throw refusal;
    deleted.push(digest);
  };
  const templates = createStore(TEMPLATE_INDEXES);
  for (const one of [template, ...others]) templates.set(one);
  const host = aHost({ status: { layers: [{ sha256: aLayer().sha256, template: '', state: 'Ready' }] } });
  const context = {
    views,
    caches: { templates, appliances: createStore(APPLIANCE_INDEXES), hosts: { list: () => [host] } },
    links: { client: () => ({ deleteLayer }) },
  } as unknown as OperatorContext;
  return { blocker: await release(context, template, new AbortController().signal), deleted };
}

describe('the release of a template', () => {
  it('leaves files that another template has as well', async () => {
    const other = aTemplate({ metadata: { name: 'other', uid: 'other' } });
    expect(await releasing(going('a'), [other])).toEqual({ blocker: undefined, deleted: [] });
  });

  it('deletes the files once when all templates that have them are deleted together', async () => {
    const first = await releasing(going('a'), [going('b')]);
    const last = await releasing(going('b'), [going('a')]);
    expect([first.deleted, last.deleted]).toEqual([[], [aLayer().sha256]]);
  });

  it('deletes a disk that another template only boots from', async () => {
    const guest = {
      os: 'linux',
      agent: 'qemu-guest-agent',
      boot: { kernel: { url: 'https://k', sha256: aLayer().sha256 }, commandLine: '' },
    } as const;
    const source = { image: { url: 'https://d', sha256: 'f'.repeat(64) } };
    const other = aTemplate({ metadata: { name: 'other', uid: 'other' }, spec: { source, guest } });
    expect((await releasing(going('a'), [other])).deleted).toEqual([aLayer().sha256]);
  });

  it('names the host that refuses to delete them', async () => {
    const refusal = new HostApiError(409, { reason: 'LayerInUse', message: 'appliance x stands on it' });
    const { blocker } = await releasing(going('a'), [], refusal);
    expect(blocker).toEqual({
      reason: 'InUse',
      isStalled: false,
      message: 'host host-a does not delete its files: appliance x stands on it',
    });
  });
});
