import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { type CopyHost, copyCounts, hostsToAdd, surplusHosts } from './copies.ts';

const wanted = (weight: number, minCopies = 0, maxCopies?: number) =>
  copyCounts(weight, { minCopies, ...(maxCopies === undefined ? {} : { maxCopies }) }).wanted;

const hosts: fc.Arbitrary<CopyHost[]> = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 3 }),
    group: fc.constantFrom('a', 'b', 'c'),
    copy: fc.constantFrom('whole', 'begun', 'none'),
    isNeeded: fc.boolean(),
  }),
  { selector: ({ name }) => name, maxLength: 12 },
);
const counts = fc.integer({ min: 0, max: 14 });
const whole = (list: readonly CopyHost[]) => list.filter(({ copy }) => copy === 'whole');

describe('the number of copies', () => {
  it('grows by one with each doubling, within the bounds', () => {
    expect([0, 0.2, 1, 2, 5, 11, 22, 1000].map((weight) => wanted(weight))).toEqual([
      0, 0, 1, 2, 3, 4, 5, 10,
    ]);
    expect([0, 1, 1000].map((weight) => wanted(weight, 3, 5))).toEqual([3, 3, 5]);
  });

  it('never falls when the weight grows, and more are kept than wanted', () => {
    const bounds = fc
      .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
      .map(([least, more]) => ({ minCopies: least, maxCopies: least + more }));
    const weights = fc.double({ min: 0, max: 1e7, noNaN: true });
    fc.assert(
      fc.property(bounds, weights, weights, (limits, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((weight) => copyCounts(weight, limits));
        if (less === undefined || more === undefined) throw new Error('there are two');
        expect(less.wanted).toBeLessThanOrEqual(more.wanted);
        expect(less.kept).toBeGreaterThanOrEqual(less.wanted);
        expect(less.kept).toBeLessThanOrEqual(less.wanted + 2);
        for (const count of [less.wanted, more.kept]) {
          expect(count).toBeGreaterThanOrEqual(limits.minCopies);
          expect(count).toBeLessThanOrEqual(limits.maxCopies);
        }
      }),
    );
  });
});

describe('further copies', () => {
  const host = (name: string, group?: string, copy: CopyHost['copy'] = 'none'): CopyHost => ({
    name,
    ...(group === undefined ? {} : { group }),
    copy,
    isNeeded: false,
  });

  it('go to the groups with the fewest, in the order given', () => {
    const list = [host('1', 'a'), host('2', 'a'), host('3', 'b'), host('4', 'a', 'whole'), host('5', 'c')];
    expect(hostsToAdd(list, 1)).toEqual([]);
    expect(hostsToAdd(list, 3)).toEqual(['3', '5']);
    expect(hostsToAdd(list, 9)).toEqual(['3', '5', '1', '2']);
    expect(hostsToAdd([host('1'), host('2')], 1)).toEqual(['1']);
  });

  it('are asked for again where they have begun', () => {
    const list = [host('1', 'a'), host('2', 'b', 'begun'), host('3', 'c', 'whole')];
    expect(hostsToAdd(list, 2)).toEqual(['2']);
    expect(hostsToAdd(list, 3)).toEqual(['2', '1']);
  });

  it('make as many as are wanted, or as there are hosts, on other hosts, spread over the groups', () => {
    fc.assert(
      fc.property(hosts, counts, (list, count) => {
        const added = hostsToAdd(list, count);
        const missing = Math.max(0, count - whole(list).length);
        expect(added).toHaveLength(Math.min(missing, list.length - whole(list).length));
        expect(new Set(added).size).toBe(added.length);
        for (const name of added) expect(list.find((one) => one.name === name)?.copy).not.toBe('whole');
        const begun = list.filter(({ copy }) => copy === 'begun').length;
        const inGroup = (group: string, names: readonly string[]) =>
          list.filter((one) => one.group === group && names.includes(one.name)).length;
        // A host that was chosen freely is in no group that already had two copies more than one with a host left.
        const having = [...whole(list).map(({ name }) => name), ...added];
        const last = list.find(({ name }) => added.length > begun && name === added.at(-1));
        const left = list.filter(({ name }) => !having.includes(name));
        for (const other of left)
          if (last?.group !== undefined && other.group !== undefined)
            expect(inGroup(last.group, having) - 1).toBeLessThanOrEqual(inGroup(other.group, having));
      }),
    );
  });
});

describe('surplus copies', () => {
  it('are whole and not needed, never all of them, and as many as are too many', () => {
    fc.assert(
      fc.property(hosts, counts, (list, kept) => {
        const surplus = surplusHosts(list, kept);
        const free = whole(list).filter(({ isNeeded }) => !isNeeded);
        for (const name of surplus) expect(free.map((one) => one.name)).toContain(name);
        expect(new Set(surplus).size).toBe(surplus.length);
        const tooMany = Math.max(0, whole(list).length - Math.max(1, kept));
        expect(surplus).toHaveLength(Math.min(tooMany, free.length));
      }),
    );
  });

  it('are never asked for again at the same popularity', () => {
    fc.assert(
      fc.property(hosts, fc.double({ min: 0, max: 5000, noNaN: true }), (list, weight) => {
        const { wanted: count, kept } = copyCounts(weight, { minCopies: 0 });
        const surplus = surplusHosts(list, kept);
        if (surplus.length === 0) return;
        const after = list.map((one) =>
          surplus.includes(one.name) ? { ...one, copy: 'none' as const } : one,
        );
        expect(hostsToAdd(after, count)).toEqual([]);
      }),
    );
  });

  it('come from the groups with the most, the last in the order given first', () => {
    const list = ['a', 'b', 'b', 'c', 'b'].map((group, index) => ({
      name: `${index}`,
      group,
      copy: 'whole' as const,
      isNeeded: index === 2,
    }));
    expect(surplusHosts(list, 3)).toEqual(['4', '1']);
    expect(surplusHosts(list, 0)).toEqual(['4', '1', '3', '0']);
  });
});
