import { CONDITION_READY, findCondition } from '../api/conditions.ts';
import type { Template, TemplateLabel } from '../api/kinds.ts';
import { keyOf } from '../base/object.ts';
import { factLabels } from '../domain/templates/facts.ts';
import type { Suggestion } from '../domain/templates/suggest.ts';
import { shownKey } from './label-access.ts';
import { formatTable } from './table.ts';

/** A template and the labels that it has. */
export interface LabelledTemplate {
  readonly template: Template;
  readonly labels: readonly TemplateLabel[];
}

const HEADER = ['TEMPLATE', 'SERIES', 'VERSION', 'READY', 'HOSTS', 'FACTS', 'LABELS'];
/** They have columns of their own. */
const SHOWN_FACTS: readonly string[] = ['series', 'version'];
/** Those that most people choose by; a wide table has all. */
const MAIN_FACTS: readonly string[] = ['os', 'container', 'virtual-size-up-to', 'minimum-memory'];

/** A table with one row for each template. Those of another namespace are named with it. */
export function templateTable(rows: readonly LabelledTemplate[], namespace: string, isWide: boolean): string {
  return formatTable(
    HEADER,
    rows.map((row) => templateRow(row, namespace, isWide)),
  );
}

function templateRow({ template, labels }: LabelledTemplate, namespace: string, isWide: boolean): string[] {
  const { metadata, spec, status } = template;
  return [
    shownKey(keyOf(metadata), namespace),
    spec.series ?? '-',
    spec.version ?? '-',
    findCondition(status?.conditions, CONDITION_READY)?.status ?? 'Unknown',
    `${status?.hostsReady ?? 0}`,
    factsText(template, isWide),
    labels.map((label) => shownKey(keyOf(label), namespace)).join(',') || '-',
  ];
}

function factsText({ metadata }: Template, isWide: boolean): string {
  const facts = factLabels(metadata.labels);
  const names = isWide ? [...facts.keys()].filter((name) => !SHOWN_FACTS.includes(name)).sort() : MAIN_FACTS;
  return names.flatMap((name) => (facts.has(name) ? [`${name}=${facts.get(name)}`] : [])).join(',') || '-';
}

const SUGGESTION_HEADER = ['LABEL', 'OWNER', 'OVERLAP', 'PEOPLE', 'TEMPLATES', 'FOLLOWERS', 'TITLE'];

/** A table with one row for each suggested label, in their order. */
export function suggestionTable(suggestions: readonly Suggestion[], namespace: string): string {
  const rows = suggestions.map(({ label: { metadata, spec, status }, overlap, people }) => [
    shownKey(keyOf(metadata), namespace),
    spec.owner,
    `${overlap}`,
    `${people}`,
    `${status?.templates ?? '-'}`,
    `${status?.followers ?? '-'}`,
    spec.title,
  ]);
  return formatTable(SUGGESTION_HEADER, rows);
}
