import type { ServiceDeployment, Template, TemplateLabel } from '../../src/api/kinds.ts';
import { keyOf, parseKey } from '../../src/base/object.ts';
import { matchesSelector } from '../../src/domain/selector.ts';
import { mayBeAskedFor, templatesOf } from '../../src/domain/templates/label.ts';
import { chooseFromSeries, type SeriesTemplate } from '../../src/domain/templates/series.ts';
import { isSharedWith } from '../../src/domain/templates/sharing.ts';
import { isForCheckpoint } from '../objects/checkpoints.ts';
import { isJudged, mayBeUsed } from '../objects/template-readiness.ts';
import { labelKey } from '../objects/template-references.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { templateObstacles } from '../obstacles/templates.ts';
import type { Service } from './services.ts';

/**
 * The template of a service, as namespace/name, the TemplateLabel by which it was chosen, and why it was chosen, unless an earlier
 * choice is kept; or why there is none.
 */
export type TemplateChoice =
  | { readonly key: string; readonly why: string | undefined; readonly label?: string | undefined }
  | ({ readonly key: undefined } & Obstacle);

/** What there is to choose from: all that exists, and the previous choice. */
export interface Choosable {
  readonly templates: readonly Template[];
  readonly labels?: readonly TemplateLabel[];
  readonly pinned: string | undefined;
  /** The TemplateLabel by which it was chosen. */
  readonly pinnedLabel?: string | undefined;
}

/**
 * C, the template of a service (SO-MVDS 3.3). A choice is kept as long as it matches what the service asks for, so that a task
 * does not change by itself; policy Newest follows the series.
 */
export function chooseTemplate(
  { metadata }: ServiceDeployment,
  { template: wanted }: Service,
  choosable: Choosable,
): TemplateChoice {
  const { namespace } = metadata;
  const { templates, pinned } = choosable;
  const usable = templates.filter((template) => isSharedWith(template, namespace));
  if (wanted.name !== undefined) {
    const key = keyOf({ name: wanted.name, namespace: wanted.namespace ?? namespace });
    if (usable.some((template) => keyOf(template) === key)) return { key, why: 'named by the task' };
    return { key: undefined, ...templateObstacles.notFound(key, namespace) };
  }
  const label = labelKey(wanted, namespace);
  if (label !== undefined) return byLabel(label, namespace, usable.filter(isNoImage), choosable);
  // Only templates of that one namespace: otherwise a newer version in any namespace would be used by everybody.
  const fitting = usable.filter(
    (template) =>
      template.metadata.namespace === (wanted.namespace ?? namespace) && matches(template, wanted),
  );
  const common = fitting.filter(isNoImage);
  return among(wanted.series !== undefined && common.length === 0 ? fitting : common, wanted, pinned);
}

/**
 * The image of a recalled service, and a checkpoint that a template keeps, have a machine's keys and secrets: they are used by those who
 * name them, or the image's series, and not because labels fit, or the series has the name of another.
 */
function isNoImage(template: Template): boolean {
  return template.spec.recalled === undefined && !isForCheckpoint(template);
}

/**
 * The label is another person's: what they do to it later must not cost a task its disks. So a template that was chosen by it is kept
 * as long as it may be used.
 */
function byLabel(
  key: string,
  namespace: string | undefined,
  usable: readonly Template[],
  { labels = [], pinned, pinnedLabel }: Choosable,
): TemplateChoice {
  if (pinnedLabel === key && usable.some((template) => keyOf(template) === pinned))
    return { key: pinned as string, why: undefined, label: key };
  const label = labels.find((one) => keyOf(one) === key);
  if (label === undefined || !mayBeAskedFor(label, namespace))
    return { key: undefined, ...templateObstacles.labelNotFound(key, namespace) };
  const choice = among(templatesOf(label, usable), { label: nameIn(namespace, key) }, pinned);
  return choice.key === undefined ? choice : { ...choice, label: key };
}

function nameIn(namespace: string | undefined, key: string): string {
  const parsed = parseKey(key);
  return parsed.namespace === namespace ? parsed.name : key;
}

/** The choice among templates that fit the request, all of which the task may use. */
function among(
  fitting: readonly Template[],
  wanted: Service['template'],
  pinned: string | undefined,
): TemplateChoice {
  // A template that is being deleted waits for its appliances: it is not chosen again, but a task that has it keeps it.
  const kept = fitting.find((template) => keyOf(template) === pinned);
  const { version, policy } = wanted;
  if (kept !== undefined && policy !== 'Newest') return { key: keyOf(kept), why: undefined };
  // A task that has a template does not follow the series to one that no host has judged.
  const candidates = fitting.filter(
    (template) =>
      template.metadata.deletionTimestamp === undefined && (kept === undefined || isJudged(template)),
  );
  const inWords = (text: string) =>
    wanted.series === undefined ? text.replace(/(of|in) series (labels?) /, 'with $2 ') : text;
  const choice = chooseFromSeries(describeRequest(wanted), candidates.map(candidateOf), { version, policy });
  if (choice.chosen !== null) return { key: choice.chosen.key, why: inWords(choice.why) };
  // Policy Newest replaces a template only by another one, never by none.
  if (kept !== undefined) return { key: keyOf(kept), why: undefined };
  return { key: undefined, ...templateObstacles.noneUsable(choice.reason, inWords(choice.message)) };
}

function matches({ metadata, spec }: Template, wanted: Service['template']): boolean {
  if (wanted.series !== undefined) {
    return spec.series === wanted.series && (wanted.version === undefined || spec.version === wanted.version);
  }
  return wanted.selector !== undefined && matchesSelector(wanted.selector, metadata.labels ?? {});
}

/** What messages call the request: the series, the TemplateLabel, or the labels. */
function describeRequest({ series, selector, label }: Service['template']): string {
  if (series !== undefined) return series;
  if (label !== undefined) return `label ${label}`;
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
