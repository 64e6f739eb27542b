import { describe, expect, it } from 'vitest';
import { fc } from '../../test/fuzz.ts';
import { CopySlots } from './copy-slots.ts';

describe('copies that no appliance waits for', () => {
  const copy = (source: string, target: string) => ({ source, target, isUrgent: false });
  const urgent = (source: string, target: string) => ({ source, target, isUrgent: true });

  it('go two at a time to a host, and two from one', () => {
    const slots = new CopySlots();
    slots.begin('1', copy('a', 'x'));
    slots.begin('2', copy('a', 'y'));
    expect(slots.allows('3', 'a', 'z')).toBe(false);
    expect(slots.allows('3', 'b', 'x')).toBe(true);
    slots.begin('3', copy('b', 'x'));
    expect(slots.allows('4', 'b', 'x')).toBe(false);
    expect(slots.allows('1', 'a', 'x')).toBe(true);
    slots.end('1', 'x');
    expect(slots.allows('4', 'b', 'x')).toBe(true);
  });

  it('begin nowhere where an appliance waits for a layer, whichever end it is', () => {
    const slots = new CopySlots();
    slots.begin('1', urgent('a', 'x'));
    for (const [source, target] of [
      ['a', 'y'],
      ['b', 'x'],
      ['x', 'y'],
      ['b', 'a'],
    ] as const)
      expect(slots.allows('2', source, target)).toBe(false);
    expect(slots.allows('2', 'b', 'y')).toBe(true);
    // What an appliance waits for stays so when it is asked for as a copy, too.
    slots.begin('1', copy('a', 'x'));
    expect(slots.allows('2', 'b', 'x')).toBe(false);
    slots.end('1', 'x');
    expect(slots.allows('2', 'b', 'x')).toBe(true);
  });

  it('are forgotten with a host that does not answer', () => {
    const slots = new CopySlots();
    slots.begin('1', urgent('a', 'x'));
    slots.begin('1', urgent('b', 'a'));
    slots.begin('1', urgent('b', 'y'));
    slots.lose('a');
    expect(slots.allows('2', 'c', 'x')).toBe(true);
    expect(slots.allows('2', 'c', 'y')).toBe(false);
  });

  it('are never more than two for a host, in whatever order they are asked for and end', () => {
    const host = fc.constantFrom('a', 'b', 'c');
    const steps = fc.array(
      fc.record({
        identity: fc.constantFrom('1', '2', '3', '4'),
        source: host,
        target: host,
        ends: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(steps, (asked) => {
        const slots = new CopySlots();
        const running = new Map<string, { source: string; target: string }>();
        for (const { identity, source, target, ends } of asked) {
          const key = `${target}/${identity}`;
          if (ends) {
            slots.end(identity, target);
            running.delete(key);
          } else if (slots.allows(identity, source, target)) {
            slots.begin(identity, copy(source, target));
            running.set(key, { source, target });
          }
          for (const name of ['a', 'b', 'c'])
            for (const end of ['source', 'target'] as const)
              expect([...running.values()].filter((one) => one[end] === name).length).toBeLessThanOrEqual(2);
        }
      }),
    );
  });
});
