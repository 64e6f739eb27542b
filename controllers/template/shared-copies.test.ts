import { describe, expect, it } from 'vitest';
import type { LayerStatus } from '../../src/host/protocol.ts';
import { anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aView } from '../../test/builders/reports.ts';
import type { HostView } from '../daemons/view.ts';
import { copiesOf, hostsToCopyTo, hostToImport } from './copies.ts';

describe('a template of mode Shared', () => {
  const distribution = { ...aTemplate().spec.distribution, mode: 'Shared' } as const;
  const onDirectory = (name: string, ...holds: readonly LayerStatus[]) =>
    aView({ name, holds, status: aHostReport({ name, sharedDirectory: 'x' }) });
  const template = anImportedTemplate({ spec: { distribution } });
  const target = (views: readonly HostView[]) => {
    const ranked = views.map((view) => ({ view }));
    return hostsToCopyTo(template, copiesOf(template, views), 5, () => ranked).map(({ name }) => name);
  };

  it('is imported by a host with a shared directory, and by no other', () => {
    const pending = aTemplate({ spec: { distribution } });
    const [without, having] = [aView({ name: 'a' }), onDirectory('b')];
    expect(hostToImport(pending, [without, having], copiesOf(pending, []))?.name).toBe('b');
    expect(hostToImport(pending, [without], copiesOf(pending, []))).toBeUndefined();
  });

  it('is copied once, from a host without a directory to one that has one, however popular it is', () => {
    const [without, having] = [aView({ name: 'a', holds: [aLayer()] }), onDirectory('b')];
    expect(target([without, having, onDirectory('c')])).toEqual(['b']);
    expect(target([without, onDirectory('b', aLayer()), onDirectory('c')])).toEqual([]);
    expect(target([onDirectory('b', aLayer({ shared: 'x' })), onDirectory('c')])).toEqual([]);
    expect(target([without])).toEqual([]);
  });

  it('says which directories have it, and why a host cannot put it there', () => {
    const sharingProblem = { reason: 'DiskFull', message: 'it is full' };
    const copies = copiesOf(template, [
      onDirectory('b', aLayer({ sharingProblem })),
      onDirectory('c', aLayer({ shared: 'x' })),
    ]);
    expect(copies).toMatchObject({
      ready: ['b', 'c'],
      directories: ['x'],
      failures: [],
      unshared: [{ host: 'b', ...sharingProblem, isFinal: false }],
    });
    expect(hostToImport(template, [aView({ name: 'd' })], copies)).toBeUndefined();
  });
});
