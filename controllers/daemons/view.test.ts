import { beforeEach, describe, expect, it } from 'vitest';
import { aHostReport, aLayer, anImport, aReport, LAYER } from '../../test/builders/reports.ts';
import { HostViews, importId, type ViewChange } from './view.ts';

describe('HostViews', () => {
  let views: HostViews;
  let changes: ViewChange[];

  beforeEach(() => {
    views = new HostViews();
    views.open('host-a', 0);
    changes = [];
    views.subscribe((change) => changes.push(change));
  });

  it('applies events and notifies of what changed', () => {
    views.apply('host-a', { type: 'appliance', appliance: aReport() }, 5);
    views.apply('host-a', { type: 'import', import: anImport() }, 6);
    views.apply('host-a', { type: 'layer', layer: aLayer() }, 6);
    views.apply('host-a', { type: 'host', host: aHostReport() }, 7);
    const view = views.get('host-a');
    const sizes = () => [view?.appliances.size, view?.imports.size, view?.layers.size];
    expect([...sizes(), view?.status?.name, view?.lastSeen]).toEqual([1, 1, 1, 'host-a', 7]);
    views.apply('host-a', { type: 'applianceGone', uuid: 'uid-web-0' }, 8);
    views.apply('host-a', { type: 'layerGone', identity: LAYER }, 8);
    expect(sizes()).toEqual([0, 1, 0]);
    const { sha256, kind, namespace } = anImport();
    views.apply('host-a', { type: 'importGone', sha256, kind, namespace }, 8);
    expect(sizes()).toEqual([0, 0, 0]);
    expect(changes.map(({ kind, ids }) => [kind, ...ids])).toEqual([
      ['appliance', 'uid-web-0'],
      ['import', anImport().sha256],
      ['layer', LAYER],
      ['status'],
      ['appliance', 'uid-web-0'],
      ['layer', LAYER],
      ['import', anImport().sha256],
    ]);
  });

  it('keeps the imports of one file apart by namespace and kind', () => {
    const own = anImport();
    for (const one of [own, anImport({ namespace: 'other' }), anImport({ kind: 'boot' })])
      views.apply('host-a', { type: 'import', import: one }, 1);
    views.apply('host-a', { type: 'importGone', sha256: own.sha256, kind: 'disk', namespace: 'other' }, 2);
    const left = [...(views.get('host-a')?.imports.keys() ?? [])];
    expect(left).toEqual([importId(own), importId({ ...own, kind: 'boot' })]);
  });

  const telling = (event: Parameters<HostViews['apply']>[1]) => {
    changes.length = 0;
    views.apply('host-a', event, 1);
    return changes.length;
  };

  it('does not notify of the progress of an import, but of its end', () => {
    const told = (one: ReturnType<typeof anImport>) => telling({ type: 'import', import: one });
    expect(told(anImport({ state: 'Fetching', fetchedBytes: 1 }))).toBe(1);
    expect(told(anImport({ state: 'Fetching', fetchedBytes: 2, totalBytes: 9 }))).toBe(0);
    expect(views.get('host-a')?.imports.get(importId(anImport()))?.fetchedBytes).toBe(2);
    expect(told(anImport())).toBe(1);
  });

  it('does not notify of the progress of a layer, nor of its users', () => {
    const told = (layer: ReturnType<typeof aLayer>) => telling({ type: 'layer', layer });
    expect(told(aLayer({ state: 'Fetching', fetchedBytes: 1 }))).toBe(1);
    expect(told(aLayer({ state: 'Fetching', fetchedBytes: 2 }))).toBe(0);
    expect(told(aLayer())).toBe(1);
    expect(told(aLayer({ heldBy: ['uid-web-0'] }))).toBe(0);
    expect(views.get('host-a')?.layers.get(LAYER)?.heldBy).toEqual(['uid-web-0']);
  });

  it('is replaced as a whole, and notifies of what is gone', () => {
    views.apply('host-a', { type: 'appliance', appliance: aReport({ uuid: 'gone' }) }, 1);
    const gone = anImport({ sha256: 'b'.repeat(64) });
    views.apply('host-a', { type: 'import', import: gone }, 1);
    const status = aHostReport({ imports: [anImport()], layers: [aLayer()] });
    views.replace('host-a', { status, appliances: [aReport()] }, 2);
    expect([...(views.get('host-a')?.appliances.keys() ?? [])]).toEqual(['uid-web-0']);
    expect([...(views.get('host-a')?.imports.keys() ?? [])]).toEqual([importId(anImport())]);
    expect([...(views.get('host-a')?.layers.keys() ?? [])]).toEqual([LAYER]);
    const told = (of: ViewChange['kind']) => changes.findLast(({ kind }) => kind === of)?.ids.toSorted();
    expect(told('appliance')).toEqual(['gone', 'uid-web-0']);
    expect(told('import')).toEqual([anImport().sha256, gone.sha256]);
    expect(told('layer')).toEqual([LAYER]);
  });

  it('notifies of its appliances when it is closed, and forgets them', () => {
    views.apply('host-a', { type: 'appliance', appliance: aReport() }, 1);
    views.close('host-a');
    expect(views.get('host-a')).toBeUndefined();
    expect(changes.at(-2)).toEqual({ host: 'host-a', kind: 'appliance', ids: ['uid-web-0'] });
  });

  it('ignores events of a host that is not followed', () => {
    views.apply('host-b', { type: 'appliance', appliance: aReport() }, 1);
    expect(views.get('host-b')).toBeUndefined();
    expect(changes).toEqual([]);
  });
});
