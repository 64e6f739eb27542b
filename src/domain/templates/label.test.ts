import { describe, expect, it } from 'vitest';
import { aFollow, aLabel, aTemplate } from '../../../test/builders/objects.ts';
import { fc } from '../../../test/fuzz.ts';
import type { Template, TemplateFollow, TemplateLabel } from '../../api/kinds.ts';
import { keyOf } from '../../base/object.ts';
import { countFollowers, isLabelVisible, mayBeAskedFor, missingTemplates, templatesOf } from './label.ts';
import { isSharedWith } from './sharing.ts';
import { followedBy, suggestLabels } from './suggest.ts';

const namespaces = fc.constantFrom('a', 'b', 'c');
const users = fc.constantFrom('ann', 'bea', 'cleo', 'dora');
const names = fc.constantFrom('x', 'y', 'z');

const templates: fc.Arbitrary<Template[]> = fc.uniqueArray(
  fc
    .record({
      name: names,
      namespace: namespaces,
      os: fc.constantFrom('linux', 'bsd'),
      scope: fc.constantFrom('Namespace', 'Namespaces', 'Cluster'),
      others: fc.uniqueArray(namespaces, { minLength: 1 }),
    })
    .map(({ name, namespace, os, scope, others }) =>
      aTemplate({
        metadata: { name, namespace, labels: { os } },
        spec: { sharing: scope === 'Namespaces' ? { scope, namespaces: others } : { scope } },
      }),
    ),
  { selector: (template) => keyOf(template) },
);
const labels: fc.Arbitrary<TemplateLabel[]> = fc.uniqueArray(
  fc
    .record({
      name: names,
      namespace: namespaces,
      owner: users,
      visibility: fc.constantFrom('Private', 'Namespace', 'Cluster'),
      named: fc.uniqueArray(
        fc.oneof(
          names,
          fc.tuple(namespaces, names).map((parts) => parts.join('/')),
        ),
      ),
      os: fc.option(fc.constantFrom('linux', 'bsd'), { nil: undefined }),
    })
    .map(({ name, namespace, owner, visibility, named, os }) =>
      aLabel({
        metadata: { name, namespace },
        spec: {
          owner,
          visibility,
          templates: named,
          ...(os === undefined ? {} : { selector: { matchLabels: { os } } }),
        },
      }),
    ),
  { selector: (label) => keyOf(label) },
);
const follows: fc.Arbitrary<TemplateFollow[]> = fc.array(
  fc
    .record({
      user: users,
      namespace: namespaces,
      keys: fc.uniqueArray(fc.tuple(namespaces, names).map((parts) => parts.join('/'))),
    })
    .map(({ user, namespace, keys }) => aFollow(user, keys, namespace)),
);

describe('the templates of a label', () => {
  it('are shared with its namespace, and named or selected; what is named and not among them is missing', () => {
    fc.assert(
      fc.property(templates, labels, (all, some) => {
        for (const label of some) {
          const { namespace } = label.metadata;
          const found = templatesOf(label, all);
          const keys = (label.spec.templates ?? []).map((text) =>
            text.includes('/') ? text : `${namespace}/${text}`,
          );
          const os = label.spec.selector?.matchLabels?.os;
          for (const template of all) {
            const isSelected =
              os !== undefined &&
              template.metadata.namespace === namespace &&
              template.metadata.labels?.os === os;
            const expected =
              isSharedWith(template, namespace) && (isSelected || keys.includes(keyOf(template)));
            expect(found.includes(template)).toBe(expected);
          }
          const missing = missingTemplates(label, found);
          expect(missing).toEqual(keys.filter((key) => !found.some((template) => keyOf(template) === key)));
        }
      }),
    );
  });

  it('do not depend on templates that are not shared with its namespace', () => {
    fc.assert(
      fc.property(templates, labels, (all, some) => {
        for (const label of some) {
          const shared = all.filter((template) => isSharedWith(template, label.metadata.namespace));
          const found = templatesOf(label, all);
          expect(found).toEqual(templatesOf(label, shared));
          expect(missingTemplates(label, found)).toEqual(missingTemplates(label, templatesOf(label, shared)));
        }
      }),
    );
  });

  it('of an empty selector are none', () => {
    expect(templatesOf(aLabel({ spec: { templates: [], selector: {} } }), [aTemplate()])).toEqual([]);
  });
});

describe('the visibility of a label', () => {
  it.each([
    ['Private', [true, false, false], [true, false]],
    ['Namespace', [true, true, false], [true, false]],
    ['Cluster', [true, true, true], [true, true]],
  ] as const)('%s', (visibility, toPeople, toTasks) => {
    const label = aLabel({ spec: { visibility } });
    const people = [
      { user: 'ann', namespace: 'other' },
      { user: 'bea', namespace: 'default' },
      { user: 'bea', namespace: 'other' },
    ];
    expect(people.map((viewer) => isLabelVisible(label, viewer))).toEqual(toPeople);
    expect(['default', 'other'].map((namespace) => mayBeAskedFor(label, namespace))).toEqual(toTasks);
  });

  it('decides who counts as a follower; a person counts once', () => {
    const all = [aFollow('bea', []), aFollow('bea', [], 'other'), aFollow('cleo', [], 'other')];
    const count = (visibility: TemplateLabel['spec']['visibility']) =>
      countFollowers(aLabel({ spec: { visibility } }), all);
    expect([count('Private'), count('Namespace'), count('Cluster')]).toEqual([0, 1, 2]);
  });
});

describe('suggestions', () => {
  const viewers = fc.record({ user: users, namespace: namespaces });

  it('are visible labels of people with common interests that the viewer lacks, and all of them', () => {
    fc.assert(
      fc.property(labels, follows, viewers, (all, followed, viewer) => {
        const of = followedBy(followed);
        const mine = of.get(viewer.user) ?? new Set();
        const suggested = suggestLabels(all, followed, viewer);
        for (const label of all) {
          const key = keyOf(label);
          const alike = [...of].filter(
            ([user, keys]) =>
              user !== viewer.user &&
              [...keys].some((one) => mine.has(one)) &&
              (keys.has(key) || label.spec.owner === user),
          );
          const expected =
            alike.length > 0 &&
            !mine.has(key) &&
            label.spec.owner !== viewer.user &&
            isLabelVisible(label, viewer);
          const found = suggested.find((one) => one.label === label);
          expect(found !== undefined).toBe(expected);
          if (found !== undefined) expect(found.people).toBe(alike.length);
        }
      }),
    );
  });

  it('are ranked by overlap, whatever order they come in, and none follow from no interest', () => {
    fc.assert(
      fc.property(labels, follows, viewers, (all, followed, viewer) => {
        const suggested = suggestLabels(all, followed, viewer);
        const overlaps = suggested.map(({ overlap }) => overlap);
        expect(overlaps).toEqual(overlaps.toSorted((a, b) => b - a));
        expect(suggestLabels(all.toReversed(), followed.toReversed(), viewer)).toEqual(suggested);
        expect(suggestLabels(all, followed, { ...viewer, user: 'nobody' })).toEqual([]);
      }),
    );
  });

  it('name what two people with two common labels have before what one with one has', () => {
    const all = ['one', 'two', 'popular', 'rare'].map((name) =>
      aLabel({ metadata: { name }, spec: { owner: 'zoe', visibility: 'Cluster' } }),
    );
    const suggested = suggestLabels(
      all,
      [
        aFollow('ann', ['default/one', 'default/two']),
        aFollow('bea', ['default/one', 'default/two', 'default/popular']),
        aFollow('cleo', ['default/one', 'default/rare', 'default/popular']),
      ],
      { user: 'ann', namespace: 'default' },
    );
    expect(suggested.map(({ label, overlap, people }) => [label.metadata.name, overlap, people])).toEqual([
      ['popular', 3, 2],
      ['rare', 1, 1],
    ]);
  });
});
