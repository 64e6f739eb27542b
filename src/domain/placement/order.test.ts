import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { placeBatch } from './batch.ts';
import { inOrderOfPreference } from './order.ts';
import { host } from './testing/host.ts';

describe('the order of hosts', () => {
  it('is the one in which placement takes them', () => {
    const amounts = fc.record({
      usedCpuMillis: fc.integer({ min: 0, max: 3 }),
      usedMemoryBytes: fc.integer({ min: 0, max: 3 }),
      ready: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(amounts, { maxLength: 6 }), (list) => {
        const hosts = list.map((each, index) => host(`host-${index}`, each));
        const [placement] = placeBatch(hosts, [{ name: 'one', cpuMillis: 1, memoryBytes: 1 }]);
        expect(inOrderOfPreference(hosts)[0]?.name ?? null).toBe(placement?.host);
      }),
    );
  });
});
