import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { chooseFromSeries } from '../../src/domain/templates/series.ts';
import { isSharedWith } from '../../src/domain/templates/sharing.ts';
import { isJudged } from '../objects/template-readiness.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { templateObstacles } from '../obstacles/templates.ts';

type Choice = { readonly parent: Template } | { readonly obstacle: Obstacle };

/** The newest template of the series that a template is to be built on; undefined for one that names its parent. */
export function chooseParent(template: Template, templates: readonly Template[]): Choice | undefined {
  const { metadata, spec } = template;
  const { series, version, namespace = metadata.namespace } = spec.source.parent ?? {};
  if (series === undefined) return undefined;
  const candidates = templates
    .filter((one) => one.metadata.namespace === namespace && one.spec.series === series)
    .filter((one) => one.metadata.uid !== metadata.uid && one.metadata.deletionTimestamp === undefined)
    .filter((one) => isSharedWith(one, metadata.namespace))
    .map((one) => ({
      template: one,
      key: keyOf(one),
      version: one.spec.version ?? '',
      ready: isJudged(one),
    }));
  const request = { policy: 'Newest', ...(version === undefined ? {} : { version }) } as const;
  const choice = chooseFromSeries(series, candidates, request);
  return choice.chosen === null
    ? { obstacle: templateObstacles.noneUsable(choice.reason, choice.message) }
    : { parent: choice.chosen.template };
}

/** The template with the parent that was chosen for it in its status, where it stays. */
export function withChosenParent(template: Template, templates: () => readonly Template[]): Template {
  const { status, spec } = template;
  if (spec.source.parent?.series === undefined || status?.parent !== undefined) return template;
  const choice = chooseParent(template, templates());
  if (choice === undefined || 'obstacle' in choice) return template;
  const { name, namespace = 'default' } = choice.parent.metadata;
  return { ...template, status: { ...status, parent: { name, namespace } } };
}
