import { describe, expect, it } from 'vitest';
import type { Host } from '../../src/api/kinds.ts';
import { aHost } from '../../test/builders/objects.ts';
import { aLayer, anImport, aView, LAYER } from '../../test/builders/reports.ts';
import { type HostView, importId } from '../daemons/view.ts';
import { knownLayers } from './known-layers.ts';

const GRACE_MS = 100;

function known(views: Readonly<Record<string, HostView | undefined>>, hosts: readonly Host[], now = 0) {
  const patience = { now, startedAt: 0, graceMs: GRACE_MS };
  return knownLayers(hosts, { get: (name) => views[name] }, patience);
}

const silent = (link: HostView['link']): HostView => {
  const { status: _, ...view } = aView({ link });
  return view;
};

describe('what is known of the layers of hosts', () => {
  const layers = [
    { identity: LAYER, state: 'Ready' as const },
    { identity: '2'.repeat(64), state: 'Fetching' as const },
  ];
  const host = aHost({ metadata: { name: 'host-a' }, status: { layers } as never });

  it('is what they report', () => {
    const fetching = aLayer({ state: 'Fetching' });
    const view = aView({ holds: [fetching], imported: [anImport()] });
    const { hosts, ...waits } = known({ 'host-a': view }, [host]);
    expect(hosts).toEqual([
      {
        name: 'host-a',
        imports: new Map([[importId(anImport()), anImport()]]),
        layers: new Map([[LAYER, fetching]]),
        seals: new Map(),
      },
    ]);
    expect(waits).toEqual({ isPartial: false, untilChangeMs: undefined });
  });

  const problem = { reason: 'HostUnreachable', message: 'it does not answer' };
  it.each([
    ['that nobody follows yet', undefined],
    ['that is being connected to', silent({ state: 'connecting', since: 0 })],
    ['that does not answer', silent({ state: 'broken', since: 0, problem })],
  ])('is what its status says of a host %s, which is waited for, but not for ever', (_name, view) => {
    const whole = {
      name: 'host-a',
      imports: new Map(),
      layers: new Map([[LAYER, layers[0]]]),
      seals: new Map(),
    };
    const { hosts, ...waits } = known({ 'host-a': view }, [host], 40);
    expect(hosts).toEqual([{ ...whole, isAway: false }]);
    expect(waits).toEqual({ isPartial: true, untilChangeMs: 60 });
    const late = known({ 'host-a': view }, [host], GRACE_MS);
    expect(late).toEqual({ hosts: [{ ...whole, isAway: true }], isPartial: false, untilChangeMs: undefined });
  });

  it('is what a host reported that is away now, and after a while only what it has whole', () => {
    const fetching = aLayer({ identity: '2'.repeat(64), state: 'Fetching' });
    const importing = anImport({ sha256: 'b'.repeat(64), state: 'Fetching' });
    const reported = { holds: [aLayer(), fetching], imported: [anImport(), importing] };
    const view = aView({ link: { state: 'broken', since: 0, problem }, ...reported });
    const at = (now: number) => {
      const { hosts, ...waits } = known({ 'host-a': view }, [host], now);
      return {
        waits,
        isAway: hosts[0]?.isAway,
        names: hosts.flatMap((one) => [...one.imports.keys(), ...one.layers.keys()]),
      };
    };
    expect(at(40)).toEqual({
      waits: { isPartial: false, untilChangeMs: 60 },
      names: [importId(anImport()), importId(importing), LAYER, fetching.identity],
    });
    expect(at(GRACE_MS)).toMatchObject({ isAway: true, names: [importId(anImport()), LAYER] });
  });
});
