import type { ServiceDeployment, Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { matchesSelector } from '../../src/domain/selector.ts';
import { chooseFromSeries, type SeriesTemplate } from '../../src/domain/templates/series.ts';
import { isJudged, mayBeUsed } from '../objects/template-readiness.ts';
import { isSharedWith } from '../objects/template-references.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { templateObstacles } from '../obstacles/templates.ts';
import type { Service } from './services.ts';

/** The template of a service, as namespace/name, and why it was chosen, unless an earlier choice is kept; or why there is none. */
export type TemplateChoice =
  | { readonly key: string; readonly why: string | undefined }
  | ({ readonly key: undefined } & Obstacle);

/**
 * C, the template of a service (SO-MVDS 3.3). A choice is kept as long as it matches what the service asks for, so that a task
 * does not change by itself; policy Newest follows the series.
 * @param templates all that exist
 * @param pinned the previous choice
 */
export function chooseTemplate(
  { metadata }: ServiceDeployment,
  { template: wanted }: Service,
  templates: readonly Template[],
  pinned: string | undefined,
): TemplateChoice {
  const { namespace } = metadata;
  // Only templates of that one namespace: otherwise a newer version in any namespace would be used by everybody.
  const usable = templates.filter(
    (template) =>
      template.metadata.namespace === (wanted.namespace ?? namespace) && isSharedWith(template, namespace),
  );
  if (wanted.name !== undefined) {
    return byName(
      keyOf({ name: wanted.name, namespace: wanted.namespace ?? namespace }),
      templates,
      namespace,
    );
  }
  const fitting = usable.filter((template) => matches(template, wanted));
  // A template that is being deleted waits for its appliances: it is not chosen again, but a task that has it keeps it.
  const kept = fitting.find((template) => keyOf(template) === pinned);
  // A task that has a template does not follow the series to one that no host has judged.
  const candidates = fitting.filter(
    (template) =>
      template.metadata.deletionTimestamp === undefined && (kept === undefined || isJudged(template)),
  );
  const follows = wanted.policy === 'Newest';
  if (kept !== undefined && !follows) return { key: keyOf(kept), why: undefined };
  const { version, policy } = wanted;
  const name = describeRequest(wanted);
  const inWords = (text: string) =>
    wanted.series === undefined ? text.replace(/(of|in) series labels /, 'with labels ') : text;
  const choice = chooseFromSeries(name, candidates.map(candidateOf), { version, policy });
  if (choice.chosen !== null) return { key: choice.chosen.key, why: inWords(choice.why) };
  // Policy Newest replaces a template only by another one, never by none.
  if (kept !== undefined) return { key: keyOf(kept), why: undefined };
  return { key: undefined, ...templateObstacles.noneUsable(choice.reason, inWords(choice.message)) };
}

function byName(key: string, templates: readonly Template[], namespace: string | undefined): TemplateChoice {
  const template = templates.find((one) => keyOf(one) === key);
  if (template === undefined) return { key: undefined, ...templateObstacles.notFound(key) };
  if (isSharedWith(template, namespace)) return { key, why: 'named by the task' };
  return { key: undefined, ...templateObstacles.notShared(key, namespace) };
}

function matches({ metadata, spec }: Template, wanted: Service['template']): boolean {
  if (wanted.series !== undefined) {
    return spec.series === wanted.series && (wanted.version === undefined || spec.version === wanted.version);
  }
  return wanted.selector !== undefined && matchesSelector(wanted.selector, metadata.labels ?? {});
}

/** What messages call the request: the series, or the labels. */
function describeRequest({ series, selector }: Service['template']): string {
  if (series !== undefined) return series;
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return `labels ${labels.join(',')}`;
}

function candidateOf(template: Template): SeriesTemplate {
  const { lastUsedTime = '' } = template.status ?? {};
  // Never used, or a time that is none.
  const lastUsedMs = Date.parse(lastUsedTime);
  return {
    key: keyOf(template),
    version: template.spec.version ?? '',
    ready: mayBeUsed(template),
    ...(Number.isNaN(lastUsedMs) ? {} : { lastUsedMs }),
  };
}
