import { TEMPLATES } from '../../src/api/kinds.ts';
import { FACTS_MANAGER } from '../../src/api/labels.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import { factLabels, factsOf } from '../../src/domain/templates/facts.ts';
import type { WholeTemplate } from '../../src/domain/templates/inherit.ts';
import { type Applier, createApplier } from '../../src/kube/client/apply.ts';
import { done, type ReconcileResult } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { BY_PARENT } from '../indexes.ts';
import { wholeTemplateOf } from '../objects/template-references.ts';
import { type ControllerDefinition, changesOf } from '../sources.ts';

/** A new template's size and depth are known soon after it was made: one write has them, too. */
const GATHER_MS = 1000;

/**
 * Keeps the facts about each template in its labels, by server-side apply under a field manager of its own: other labels, and the tools
 * that set them, are left alone, and a fact that is no longer one goes.
 */
export function createTemplateFactsController(context: OperatorContext): ControllerDefinition {
  const { caches, client } = context;
  const applier = createApplier(client, FACTS_MANAGER);
  const find = (key: string) => caches.templates.get(key);
  return {
    name: 'templatefacts',
    concurrency: 4,
    sources: [
      changesOf(
        caches.templates,
        (old, current) => {
          const template = current ?? old;
          if (template === undefined) return [];
          // What they do not say themselves, its children have from it.
          const children = caches.templates.byIndex(BY_PARENT, keyOf(template)).map((one) => keyOf(one));
          const isSame = current !== undefined && isTold(wholeTemplateOf(current, find));
          return isSame ? children : [keyOf(template), ...children];
        },
        () => GATHER_MS,
      ),
    ],
    reconcile: async (key, signal) => await reconcile(context, applier, key, signal),
  };
}

/** Whether the labels say the facts, and nothing else under their prefix. */
function isTold(template: WholeTemplate): boolean {
  const [said, facts] = [template.metadata.labels, factsOf(template)].map((labels) =>
    [...factLabels(labels)].sort(),
  );
  return isSameJson(said, facts);
}

async function reconcile(
  { caches }: OperatorContext,
  applier: Applier,
  key: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const found = caches.templates.get(key);
  if (found === undefined) {
    applier.forget(TEMPLATES, key);
    return done;
  }
  const template = wholeTemplateOf(found, (parent) => caches.templates.get(parent));
  if (template.metadata.deletionTimestamp !== undefined || isTold(template)) return done;
  const { apiVersion, kind } = template;
  const { name, namespace, uid } = template.metadata;
  // With the uid, a template that is gone is not created again.
  const metadata = { name, namespace, uid, labels: factsOf(template) };
  await applier.object(TEMPLATES, { apiVersion, kind, metadata }, template, signal);
  return done;
}
