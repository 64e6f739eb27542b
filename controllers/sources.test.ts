import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../src/api/kinds.ts';
import type { ChangeHandler } from '../src/kube/informer/cache.ts';
import { anAppliance } from '../test/builders/objects.ts';
import { HostViews } from './daemons/view.ts';
import { changesOf, viewsSource } from './sources.ts';

describe('changesOf', () => {
  it('gathers the changes of a key for the given time', () => {
    const calls: string[] = [];
    let tell: ChangeHandler<VirtualAppliance> | undefined;
    const informer = {
      hasSynced: () => true,
      waitForSync: async () => undefined,
      addHandler: (handler: ChangeHandler<VirtualAppliance>) => {
        tell = handler;
        return () => undefined;
      },
    };
    const source = changesOf(
      informer,
      () => ['small', 'large'],
      (key) => (key === 'large' ? 500 : 0),
    );
    source.connect({
      add: (key) => calls.push(`${key} now`),
      addAfter: (key, ms) => calls.push(`${key} in ${ms}`),
    });
    tell?.(undefined, anAppliance());
    expect(calls).toEqual(['small in 0', 'large in 500']);
  });
});

describe('viewsSource', () => {
  it('gathers the reports about a key for the given time', () => {
    const views = new HostViews();
    const calls: string[] = [];
    const queue = {
      add: (key: string) => calls.push(`${key} now`),
      addAfter: (key: string, ms: number) => calls.push(`${key} in ${ms}`),
    };
    const disconnect = viewsSource(views, ({ host, kind }) => [`${host}/${kind}`], 100).connect(queue);
    views.open('host-a', 0);
    disconnect();
    views.open('host-b', 0);
    expect(calls).toEqual(['host-a/link in 100']);
  });
});
