import { describe, expect, it } from 'vitest';
import { fc } from '../../../test/fuzz.ts';
import { chooseFromSeries, type SeriesTemplate } from './series.ts';
import { areInCircle, DEPTH_LIMIT, describeHolders, holdersOf, parentChain } from './tree.ts';
import { versionOrder } from './version.ts';

describe('the order of versions', () => {
  it.each([
    [
      'semantic versions',
      [
        '1.0.0-alpha',
        '1.0.0-alpha.1',
        '1.0.0-alpha.beta',
        '1.0.0-beta.2',
        '1.0.0-beta.11',
        '1.0.0-rc.1',
        '1.0.0',
        '1.0.0+build.7',
        'v1.0.1',
        '1.0.2-5',
        '1.10.0',
        '2.0.0',
      ],
    ],
    [
      'Debian versions',
      ['1.0~rc1-1', '1.0-1', '1.0-1+b1', '1.0-1+deb12u1', '1.0-2', '1.0+dfsg-1', '1.0.1-1', '1:0.1'],
    ],
    [
      'release numbers',
      ['9', '10.1', '12.7', '12.10', '2024.01', '99999999999999999999', '100000000000000000000'],
    ],
    ['images by their distribution', ['10.1', '10.1-bookworm', '10.1-jdk21', '10.2']],
    ['with a v', ['v1.9', 'v1.10', 'v2-rc1', 'v2']],
    ['a name beside semantic versions', ['6.1.0', '6.1.0-56', '6.10.0', 'v2']],
  ])('orders %s', (_what, sorted) => {
    expect([...sorted].reverse().sort(versionOrder(sorted))).toEqual(sorted);
  });

  it('is a total order over all texts', () => {
    const any = fc.stringMatching(/^[v01a~.+:rc-]{0,6}$/);
    const semantic = fc.stringMatching(/^v?[01]\.[01]\.[01](-[01a]{1,2}(\.[01a-]{1,2})?)?(\+a)?$/);
    fc.assert(
      fc.property(
        fc.constantFrom(any, semantic).chain((text) => fc.tuple(text, text, text)),
        (all) => {
          const [a, b, c] = all;
          const order = versionOrder(all);
          expect(order(a, b) === 0).toBe(a === b);
          expect(Math.sign(order(a, b)) + Math.sign(order(b, a))).toBe(0);
          if (order(a, b) < 0 && order(b, c) < 0) expect(order(a, c)).toBeLessThan(0);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('chooseFromSeries', () => {
  function template(version: string, overrides: Partial<SeriesTemplate> = {}): SeriesTemplate {
    return { key: `default/debian-${version}`, version, ready: true, ...overrides };
  }
  function choice(templates: SeriesTemplate[], request: Parameters<typeof chooseFromSeries>[2] = {}) {
    return chooseFromSeries('debian', templates, request);
  }

  it('takes the most recently used template, however old its version', () => {
    const used = template('12.1', { lastUsedMs: 20 });
    expect(choice([template('12.7'), used, template('12.5', { lastUsedMs: 10 })])).toEqual({
      chosen: used,
      why: 'the most recently used of 3 usable in series debian (1970-01-01T00:00:00Z)',
    });
  });

  it('takes the newest version when none was ever used', () => {
    const newest = template('12.10');
    expect(choice([template('12.9'), newest, template('12.1')])).toEqual({
      chosen: newest,
      why: 'the newest of 3 usable in series debian, of which none was used yet',
    });
  });

  it('takes the newest version under policy Newest, whatever was used', () => {
    const newest = template('12.10');
    expect(choice([template('12.9', { lastUsedMs: 5 }), newest], { policy: 'Newest' })).toEqual({
      chosen: newest,
      why: 'the newest of 2 usable in series debian, by policy Newest',
    });
  });

  it('takes the requested version', () => {
    const old = template('12.1');
    expect(choice([template('12.9', { lastUsedMs: 5 }), old], { version: '12.1' })).toEqual({
      chosen: old,
      why: 'version 12.1 of series debian, as requested',
    });
  });

  it('decides by key between two templates of one version', () => {
    const [a, b] = [template('1', { key: 'default/a' }), template('1', { key: 'default/b' })];
    expect(choice([b, a])).toMatchObject({ chosen: a });
  });

  it('skips templates that are not ready', () => {
    const ready = template('12.1');
    expect(choice([template('12.9', { ready: false }), ready])).toMatchObject({ chosen: ready });
  });

  it('names the templates that it waits for when none is ready', () => {
    expect(choice([template('12.9', { ready: false })])).toEqual({
      chosen: null,
      reason: 'TemplateNotReady',
      message: 'no template of series debian is ready yet: waiting for default/debian-12.9',
    });
  });

  it('names the existing versions when the requested one is missing', () => {
    expect(choice([template('12.10'), template('12.9')], { version: '13' })).toMatchObject({
      reason: 'NoSuchTemplate',
      message: 'no template of version 13 of series debian can be used: there is 12.9, 12.10',
    });
    expect(choice([])).toMatchObject({
      message: 'no template of series debian can be used: create one, or share one with this namespace',
    });
  });
});

describe('parentChain', () => {
  it('goes from a template to its root', () => {
    const parents = new Map([
      ['shop', 'tomcat'],
      ['tomcat', 'debian'],
      ['debian', null],
    ]);
    expect(parentChain('shop', (key) => parents.get(key))).toEqual({ chain: ['shop', 'tomcat', 'debian'] });
    expect(parentChain('debian', (key) => parents.get(key))).toEqual({ chain: ['debian'] });
  });

  it('names the parent that does not exist, and its child', () => {
    const parents = new Map([['shop', 'tomcat']]);
    expect(parentChain('shop', (key) => parents.get(key))).toEqual({
      problem: {
        reason: 'ParentNotFound',
        message: 'template tomcat, the parent of shop, does not exist: create it',
      },
    });
    expect(parentChain('gone', (key) => parents.get(key)).problem?.message).toBe(
      'template gone does not exist',
    );
  });

  it('shows a circle, even if the template itself is outside it', () => {
    const parents = new Map([
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'b'],
    ]);
    expect(parentChain('a', (key) => parents.get(key))).toEqual({
      problem: {
        reason: 'ParentCycle',
        message:
          'a → b → c → b is a circle, and a template cannot be its own ancestor: delete one of them, and make it again on another parent',
      },
    });
    expect(areInCircle('b', 'c', (key) => parents.get(key))).toBe(true);
    expect(areInCircle('a', 'b', (key) => parents.get(key))).toBe(false);
  });

  it('allows twelve layers and refuses thirteen', () => {
    const parentOf = (key: string) => (key === '1' ? null : String(Number(key) - 1));
    expect(parentChain(String(DEPTH_LIMIT), parentOf)).toMatchObject({ chain: { length: DEPTH_LIMIT } });
    expect(parentChain(String(DEPTH_LIMIT + 1), parentOf).problem?.reason).toBe('ChainTooDeep');
  });
});

describe('the holders of a template', () => {
  const templates = [
    { key: 'd/debian', parent: null },
    { key: 'd/tomcat', parent: 'd/debian' },
    { key: 'd/nginx', parent: 'd/debian' },
  ];
  const appliances = Array.from({ length: 7 }, (_, index) => ({
    key: `d/va-${index}`,
    template: 'd/debian',
  }));

  it('are its children and its appliances', () => {
    const holders = holdersOf('d/debian', templates, appliances);
    expect(holders.children).toEqual(['d/nginx', 'd/tomcat']);
    expect(holders.appliances).toHaveLength(7);
    expect(describeHolders(holders)).toBe(
      'held by 2 templates (d/nginx, d/tomcat) and 7 appliances (d/va-0, d/va-1, d/va-2, d/va-3, d/va-4 and 2 more)',
    );
  });

  it('are nobody for a leaf without appliances', () => {
    expect(describeHolders(holdersOf('d/nginx', templates, appliances))).toBeNull();
  });
});
