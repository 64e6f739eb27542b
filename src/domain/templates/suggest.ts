import type { TemplateFollow, TemplateLabel } from '../../api/kinds.ts';
import { keyOf } from '../../base/object.ts';
import { isLabelVisible, type Viewer } from './label.ts';

/** A label that somebody with similar interests has. */
export interface Suggestion {
  readonly label: TemplateLabel;
  /** Over all people who follow or own it: how many labels they follow that the viewer follows, too. */
  readonly overlap: number;
  /** How many such people there are. */
  readonly people: number;
}

/** The labels that each person follows, as namespace/name. Somebody may have a follow object in each of several namespaces. */
export function followedBy(follows: readonly TemplateFollow[]): Map<string, Set<string>> {
  const followed = new Map<string, Set<string>>();
  for (const { spec } of follows) {
    const keys = followed.get(spec.user) ?? new Set();
    followed.set(spec.user, keys);
    for (const key of spec.labels ?? []) keys.add(key);
  }
  return followed;
}

/**
 * "Users with similar interests may exchange shared templates" (SO-MVDS 3.2): the labels that people follow or own whose followed
 * labels overlap with the viewer's, those of the largest overlap first, then those of most people, then by key. Labels that the viewer
 * follows, owns or may not see are left out.
 */
export function suggestLabels(
  labels: readonly TemplateLabel[],
  follows: readonly TemplateFollow[],
  viewer: Viewer,
): Suggestion[] {
  const followed = followedBy(follows);
  const mine = followed.get(viewer.user) ?? new Set();
  const alike = [...followed].flatMap(([user, keys]) => {
    const overlap = [...keys].filter((key) => mine.has(key)).length;
    return user === viewer.user || overlap === 0 ? [] : [{ user, keys, overlap }];
  });
  return labels
    .filter((label) => label.spec.owner !== viewer.user && !mine.has(keyOf(label)))
    .filter((label) => isLabelVisible(label, viewer))
    .flatMap((label): Suggestion[] => {
      const fans = alike.filter(({ user, keys }) => user === label.spec.owner || keys.has(keyOf(label)));
      const overlap = fans.reduce((sum, fan) => sum + fan.overlap, 0);
      return fans.length === 0 ? [] : [{ label, overlap, people: fans.length }];
    })
    .sort(
      (a, b) => b.overlap - a.overlap || b.people - a.people || (keyOf(a.label) < keyOf(b.label) ? -1 : 1),
    );
}
