import { describe, expect, it } from 'vitest';
import type { Host } from '../../src/api/kinds.ts';
import { aHost } from '../../test/builders/objects.ts';
import { aLayer, aView } from '../../test/builders/reports.ts';
import type { HostView } from '../daemons/view.ts';
import { knownLayers } from './known-layers.ts';

const SHA = 'a'.repeat(64);
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
    const { hosts, partialForMs } = known({ 'host-a': view }, [host]);
    expect(hosts[0]?.layers.get(SHA)).toMatchObject({ state: 'Fetching' });
    expect(partialForMs).toBeUndefined();
  });

  const problem = { reason: 'HostUnreachable', message: 'it does not answer' };
  it.each([
    ['that nobody follows yet', undefined],
    ['that is being connected to', silent({ state: 'connecting', since: 0 })],
    ['that does not answer', silent({ state: 'broken', since: 0, problem })],
  ])('is what its status says of a host %s, which is waited for, but not for ever', (_name, view) => {
    const { hosts, partialForMs } = known({ 'host-a': view }, [host], 40);
    expect(hosts[0]?.layers.get(SHA)).toEqual({ state: 'Ready' });
    expect(partialForMs).toBe(60);
    expect(known({ 'host-a': view }, [host], GRACE_MS).partialForMs).toBeUndefined();
  });

  it('is not waited for when a host was heard and is away', () => {
    const view = aView({ link: { state: 'broken', since: 0, problem } });
    expect(known({ 'host-a': view }, [host]).partialForMs).toBeUndefined();
  });
});
