import { beforeEach, describe, expect, it } from 'vitest';
import { aHostReport, aLayer, aReport } from '../../test/builders/reports.ts';
import { HostViews, layerKey, type ViewChange } from './view.ts';

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
    views.apply('host-a', { type: 'layer', layer: aLayer() }, 6);
    views.apply('host-a', { type: 'host', host: aHostReport() }, 7);
    const view = views.get('host-a');
    expect([view?.appliances.size, view?.layers.size, view?.status?.name, view?.lastSeen]).toEqual([
      1,
      1,
      'host-a',
      7,
    ]);
    views.apply('host-a', { type: 'applianceGone', uuid: 'uid-web-0' }, 8);
    views.apply('host-a', { type: 'layerGone', sha256: aLayer().sha256 }, 8);
    expect([view?.appliances.size, view?.layers.size]).toEqual([0, 0]);
    expect(changes.map(({ kind, ids }) => [kind, ...ids])).toEqual([
      ['appliance', 'uid-web-0'],
      ['layer', aLayer().sha256],
      ['status'],
      ['appliance', 'uid-web-0'],
      ['layer', aLayer().sha256],
    ]);
  });

  it('does not notify of the progress of a layer, nor of its users', () => {
    const told = (layer: ReturnType<typeof aLayer>) => {
      changes.length = 0;
      views.apply('host-a', { type: 'layer', layer }, 1);
      return changes.length;
    };
    expect(told(aLayer({ state: 'Fetching', fetchedBytes: 1 }))).toBe(1);
    expect(told(aLayer({ state: 'Fetching', fetchedBytes: 2 }))).toBe(0);
    expect(told(aLayer())).toBe(1);
    expect(told(aLayer({ heldBy: ['uid-web-0'] }))).toBe(0);
    expect(views.get('host-a')?.layers.get(layerKey(aLayer()))?.heldBy).toEqual(['uid-web-0']);
  });

  it('is replaced as a whole, and notifies of what is gone', () => {
    views.apply('host-a', { type: 'appliance', appliance: aReport({ uuid: 'gone' }) }, 1);
    views.replace('host-a', { status: aHostReport({ layers: [aLayer()] }), appliances: [aReport()] }, 2);
    expect([...(views.get('host-a')?.appliances.keys() ?? [])]).toEqual(['uid-web-0']);
    expect(views.get('host-a')?.layers.has(layerKey(aLayer()))).toBe(true);
    const told = changes.filter(({ kind }) => kind === 'appliance').at(-1);
    expect([...(told?.ids ?? [])].sort()).toEqual(['gone', 'uid-web-0']);
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
