import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { type LayerOnHost, lineageOf, unneededLayers } from './unneeded.ts';

/** A forest: each layer stands on an earlier one, on one that is not here, or on none. */
const forests: fc.Arbitrary<LayerOnHost[]> = fc
  .array(fc.record({ below: fc.integer({ min: 0, max: 12 }), isHeld: fc.boolean() }), { maxLength: 12 })
  .map((layers) =>
    layers.map(({ below, isHeld }, index) => ({
      identity: `layer-${index}`,
      isHeld: isHeld && index % 3 === 0,
      ...(below < index ? { parent: `layer-${below}` } : below === 12 ? { parent: 'elsewhere' } : {}),
    })),
  );

describe('layers that nothing needs', () => {
  it('are neither wanted nor held, and nothing that stays stands on them', () => {
    fc.assert(
      fc.property(forests, fc.func(fc.boolean()), (layers, isWanted) => {
        const gone = new Set(unneededLayers(layers, isWanted));
        const stay = layers.filter(({ identity }) => !gone.has(identity));
        for (const { identity, isHeld } of layers) {
          if (isHeld || isWanted(identity)) expect(gone).not.toContain(identity);
        }
        for (const { parent } of stay) if (parent !== undefined) expect(gone).not.toContain(parent);
        // And none stays without a reason.
        const known = new Map(layers.map((layer) => [layer.identity, layer]));
        const roots = layers.filter(({ identity, isHeld }) => isHeld || isWanted(identity));
        const needed = new Set(roots.flatMap(({ identity }) => lineageOf(identity, known)));
        for (const { identity } of stay) expect(needed).toContain(identity);
      }),
    );
  });

  it('come before what they stand on', () => {
    fc.assert(
      fc.property(forests, (layers) => {
        const order = unneededLayers(layers, () => false);
        for (const { identity, parent } of layers) {
          if (parent === undefined || !order.includes(parent) || !order.includes(identity)) continue;
          expect(order.indexOf(identity)).toBeLessThan(order.indexOf(parent));
        }
      }),
    );
  });

  it('come to an end also where what hosts say is a circle', () => {
    const circle = [
      { identity: 'a', parent: 'b', isHeld: false },
      { identity: 'b', parent: 'a', isHeld: false },
    ];
    expect(unneededLayers(circle, () => false)).toHaveLength(2);
    expect(unneededLayers(circle, (identity) => identity === 'a')).toEqual([]);
  });
});
