import { TEMPLATE_LABELS, type Template, type TemplateLabel } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import {
  countFollowers,
  labelTest,
  missingTemplates,
  namedTemplates,
  templatesOf,
} from '../../src/domain/templates/label.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done, type ReconcileResult } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { BY_LABEL } from '../indexes.ts';
import { type ControllerDefinition, changesOf } from '../sources.ts';
import { byConditions } from '../status/occurrence.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { LABEL_EVENTS, labelStatusOf, urgencyOf } from './status.ts';

/** A reconcile goes over all templates: while many come and go, one reconcile handles several changes. */
const GATHER_MS = 500;

/**
 * Writes into each label's status how many templates have it, which of those it names are missing, and how many people follow it
 * (SO-MVDS 3.2).
 */
export function createTemplateLabelController(context: OperatorContext): ControllerDefinition {
  const { applier, caches, clock, recorder, timings } = context;
  const debounces = { soon: timings.templateStatus };
  const events = byConditions(LABEL_EVENTS);
  const writer = new StatusWriter({ applier, ref: TEMPLATE_LABELS, clock, debounces, recorder, events });
  return {
    name: 'templatelabel',
    concurrency: 2,
    sources: [
      sourceOf(caches.labels, (label) => [keyOf(label)]),
      changesOf(caches.follows, (old, current) => [
        ...new Set([old, current].flatMap((follow) => follow?.spec.labels ?? [])),
      ]),
      changesOf(
        caches.templates,
        (old, current) =>
          isSameJson(relevantPart(old), relevantPart(current))
            ? []
            : caches.labels
                .list()
                .filter((label) => concerns(label, old, current))
                .map((label) => keyOf(label)),
        () => GATHER_MS,
      ),
    ],
    reconcile: async (key, signal) => await reconcile(context, writer, key, signal),
  };
}

/** The part of a template on which it depends which labels it has. */
function relevantPart(template: Template | undefined): unknown {
  if (template === undefined) return undefined;
  return [template.metadata.uid, template.metadata.labels, template.spec.sharing];
}

function concerns(label: TemplateLabel, old: Template | undefined, current: Template | undefined): boolean {
  const test = labelTest(label);
  const named = namedTemplates(label);
  return [old, current].some(
    (template) => template !== undefined && (test(template) || named.includes(keyOf(template))),
  );
}

async function reconcile(
  { caches, clock }: OperatorContext,
  writer: StatusWriter<TemplateLabel>,
  key: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const cached = caches.labels.get(key);
  if (cached === undefined) {
    writer.forget(key);
    return done;
  }
  const label = writer.latest(cached);
  const found = templatesOf(label, caches.templates.list());
  const next = labelStatusOf({
    label,
    templates: found.length,
    missing: missingTemplates(label, found),
    followers: countFollowers(label, caches.follows.byIndex(BY_LABEL, key)),
    now: clock.now(),
  });
  return await writer.write(label, next, urgencyOf(label.status, next), signal);
}
