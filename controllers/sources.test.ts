import { describe, expect, it } from 'vitest';
import type { VirtualAppliance } from '../src/api/kinds.ts';
import type { ChangeHandler } from '../src/kube/cache.ts';
import { anAppliance } from '../test/builders/objects.ts';
import { changesOf } from './sources.ts';

describe('changesOf', () => {
  it('gathers the changes of a key for as long as it is told', () => {
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
