import { describe, expect, it } from 'vitest';
import type { Host } from '../../src/api/kinds.ts';
import { aHost } from '../../test/builders/objects.ts';
import { aLayer, aView } from '../../test/builders/reports.ts';
import { type HostView, layerKey } from '../daemons/view.ts';
import { knownLayers } from './known-layers.ts';

const SHA = 'a'.repeat(64);
const DISK = layerKey({ sha256: SHA, kind: 'disk' });
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
  const layers = [{ sha256: SHA, template: 'default/debian', state: 'Ready' as const }];
  const host = aHost({ metadata: { name: 'host-a' }, status: { layers } as never });

  it('is what they report', () => {
    const view = aView({ holds: [aLayer({ state: 'Fetching' })] });
    const { hosts, ...waits } = known({ 'host-a': view }, [host]);
    expect(hosts[0]?.layers.get(DISK)).toMatchObject({ state: 'Fetching' });
    expect(waits).toEqual({ isPartial: false, untilChangeMs: undefined });
  });

  const problem = { reason: 'HostUnreachable', message: 'it does not answer' };
  it.each([
    ['that nobody follows yet', undefined],
    ['that is being connected to', silent({ state: 'connecting', since: 0 })],
    ['that does not answer', silent({ state: 'broken', since: 0, problem })],
  ])('is what its status says of a host %s, which is waited for, but not for ever', (_name, view) => {
    const { hosts, ...waits } = known({ 'host-a': view }, [host], 40);
    expect(hosts[0]?.layers.get(DISK)).toMatchObject({ state: 'Ready' });
    // The status does not say of which kind it is.
    expect(hosts[0]?.layers.get(layerKey({ sha256: SHA, kind: 'boot' }))).toMatchObject({ state: 'Ready' });
    expect(waits).toEqual({ isPartial: true, untilChangeMs: 60 });
    const late = known({ 'host-a': view }, [host], GRACE_MS);
    expect(late).toMatchObject({ isPartial: false, untilChangeMs: undefined });
    expect(late.hosts[0]?.layers.get(DISK)).toMatchObject({ state: 'Ready' });
  });

  it('is what a host reported that is away now, and after a while only what it has whole', () => {
    const other = aLayer({ sha256: 'b'.repeat(64), state: 'Fetching' });
    const holds = [aLayer(), other];
    const view = aView({ link: { state: 'broken', since: 0, problem }, holds });
    const at = (now: number) => known({ 'host-a': view }, [host], now);
    expect(at(40)).toMatchObject({ isPartial: false, untilChangeMs: 60 });
    expect([...(at(40).hosts[0]?.layers.keys() ?? [])]).toEqual([DISK, layerKey(other)]);
    expect([...(at(GRACE_MS).hosts[0]?.layers.keys() ?? [])]).toEqual([DISK]);
  });
});
