import { isConditionTrue } from '../../src/api/conditions.ts';
import type { ServiceDeployment, Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/api/object.ts';
import { matchesSelector } from '../../src/domain/selector.ts';
import { chooseFromSeries, type SeriesTemplate } from '../../src/domain/templates/series.ts';
import { isSharedWith, notShared } from '../objects/template-references.ts';
import type { Service } from './wanted.ts';

/** The template of a service, as namespace/name, or why there is none. */
export type TemplateChoice =
  | { readonly key: string }
  | { readonly key: undefined; readonly reason: string; readonly message: string };

/**
 * C, the template that a service grows from (SO-MVDS 3.3). What was chosen once is kept as long as it is what the service asks
 * for, so that a task does not drift by itself; policy Newest follows the series.
 * @param templates all there are
 * @param pinned the choice before
 */
export function chooseTemplate(
  { metadata }: ServiceDeployment,
  { template: wanted }: Service,
  templates: readonly Template[],
  pinned: string | undefined,
): TemplateChoice {
  const { namespace } = metadata;
  // Only of the namespace that is named: anybody's newer version would be everybody's otherwise.
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
  // One that is being deleted waits for its appliances: it is not chosen any more, but not left either.
  const kept = fitting.find((template) => keyOf(template) === pinned);
  const candidates = fitting.filter(({ metadata: { deletionTimestamp } }) => deletionTimestamp === undefined);
  const follows = wanted.policy === 'Newest';
  if (kept !== undefined && !follows) return { key: keyOf(kept) };
  const { version, policy } = wanted;
  const called = nameOfChoice(wanted);
  const choice = chooseFromSeries(called, candidates.map(candidateOf), { version, policy });
  if (choice.chosen !== null) return { key: choice.chosen.key };
  // Following the newest never takes away what is there.
  if (kept !== undefined) return { key: keyOf(kept) };
  const reason = choice.reason === 'NoSuchTemplate' ? 'TemplateNotFound' : choice.reason;
  const message =
    wanted.series === undefined
      ? choice.message.replace(`of series ${called}`, `with ${called}`)
      : choice.message;
  return { key: undefined, reason, message };
}

function byName(key: string, templates: readonly Template[], namespace: string | undefined): TemplateChoice {
  const template = templates.find((one) => keyOf(one) === key);
  if (template === undefined) {
    return {
      key: undefined,
      reason: 'TemplateNotFound',
      message: `template ${key} does not exist: create it`,
    };
  }
  if (isSharedWith(template, namespace)) return { key };
  return { key: undefined, reason: 'TemplateNotShared', message: notShared(template, namespace) };
}

function matches({ metadata, spec }: Template, wanted: Service['template']): boolean {
  if (wanted.series !== undefined) {
    return spec.series === wanted.series && (wanted.version === undefined || spec.version === wanted.version);
  }
  return wanted.selector !== undefined && matchesSelector(wanted.selector, metadata.labels ?? {});
}

/** By which messages call what was asked for. */
function nameOfChoice({ series, selector }: Service['template']): string {
  if (series !== undefined) return series;
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return `labels ${labels.join(',')}`;
}

function candidateOf(template: Template): SeriesTemplate {
  const { lastUsedTime, conditions } = template.status ?? {};
  return {
    key: keyOf(template),
    version: template.spec.version ?? '',
    ready: isConditionTrue(conditions, 'Ready'),
    ...(lastUsedTime === undefined ? {} : { lastUsedMs: Date.parse(lastUsedTime) }),
  };
}
