import { TEMPLATE_FOLLOWS, type TemplateFollow } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import { isLabelVisible } from '../../src/domain/templates/label.ts';
import { sourceOf } from '../../src/kube/controller/controller.ts';
import { done, type ReconcileResult } from '../../src/kube/controller/outcome.ts';
import type { OperatorContext } from '../context.ts';
import { BY_LABEL } from '../indexes.ts';
import { type ControllerDefinition, changesOf } from '../sources.ts';
import { byConditions } from '../status/occurrence.ts';
import { StatusWriter } from '../status/status-writer.ts';
import { followStatusOf, LABEL_EVENTS, urgencyOf } from './status.ts';

/** Writes into each person's follow object how many of its labels there are for that person, and which are missing. */
export function createTemplateFollowController(context: OperatorContext): ControllerDefinition {
  const { applier, caches, clock, recorder, timings } = context;
  const debounces = { soon: timings.templateStatus };
  const events = byConditions(LABEL_EVENTS);
  const writer = new StatusWriter({ applier, ref: TEMPLATE_FOLLOWS, clock, debounces, recorder, events });
  return {
    name: 'templatefollow',
    concurrency: 2,
    sources: [
      sourceOf(caches.follows, (follow) => [keyOf(follow)]),
      changesOf(caches.labels, (old, current) => {
        const label = current ?? old;
        return label === undefined || isSameJson(old?.spec, current?.spec)
          ? []
          : caches.follows.byIndex(BY_LABEL, keyOf(label)).map((follow) => keyOf(follow));
      }),
    ],
    reconcile: async (key, signal) => await reconcile(context, writer, key, signal),
  };
}

async function reconcile(
  { caches, clock }: OperatorContext,
  writer: StatusWriter<TemplateFollow>,
  key: string,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  const cached = caches.follows.get(key);
  if (cached === undefined) {
    writer.forget(key);
    return done;
  }
  const follow = writer.latest(cached);
  const viewer = { user: follow.spec.user, namespace: follow.metadata.namespace };
  const missing = (follow.spec.labels ?? []).filter((name) => {
    const label = caches.labels.get(name);
    return label === undefined || !isLabelVisible(label, viewer);
  });
  const next = followStatusOf({ follow, missing, now: clock.now() });
  return await writer.write(follow, next, urgencyOf(follow.status, next), signal);
}
