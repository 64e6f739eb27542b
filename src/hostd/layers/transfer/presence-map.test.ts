import { describe, expect, it } from 'vitest';
import { fc } from '../../../../test/fuzz.ts';
import { PresenceMap } from './presence-map.ts';

const ranks = fc.array(fc.record({ rank: fc.nat(99), isThere: fc.boolean() }));

describe('the map of what is there', () => {
  it('has what was added and not removed, before and after it was stored', () => {
    fc.assert(
      fc.property(ranks, (steps) => {
        const map = new PresenceMap(100);
        const model = new Set<number>();
        for (const { rank, isThere } of steps) {
          if (isThere) map.add(rank);
          else map.remove(rank);
          if (isThere) model.add(rank);
          else model.delete(rank);
        }
        const again = PresenceMap.decode(map.encode('layer'), 'layer', 100);
        for (const one of [map, map.copy(), again]) {
          expect(one?.count).toBe(model.size);
          expect(Array.from({ length: 100 }, (_, rank) => one?.has(rank))).toEqual(
            Array.from({ length: 100 }, (_, rank) => model.has(rank)),
          );
        }
      }),
    );
  });

  it('is not taken for another layer’s, nor when any bit of it changed', () => {
    const map = new PresenceMap(100);
    map.add(7);
    const bytes = map.encode('layer');
    expect(PresenceMap.decode(bytes, 'other', 100)).toBeUndefined();
    expect(PresenceMap.decode(bytes, 'layer', 101 + 8)).toBeUndefined();
    expect(PresenceMap.decode(Buffer.alloc(0), 'layer', 100)).toBeUndefined();
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(PresenceMap.decode(changed, 'layer', 100), `bit ${bit}`).toBeUndefined();
    }
  });

  it('has no chunks behind its end', () => {
    expect(() => new PresenceMap(8).add(8)).toThrow(RangeError);
    expect(() => new PresenceMap(8).has(-1)).toThrow(RangeError);
  });
});
