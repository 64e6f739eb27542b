import { CONDITION_STALLED, findCondition } from '../../src/api/conditions.ts';
import type { Template } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import type { Source } from '../../src/kube/controller/controller.ts';
import { type ReconcileResult, waitFor } from '../../src/kube/controller/outcome.ts';
import type { Caches } from '../context.ts';
import { changesOf } from '../sources.ts';
import type { ServiceFacts } from './facts.ts';

/** How often it is looked whether hosts with images are connected again, of which nothing tells a task. */
const RECALL_RECHECK_MS = 5_000;

/**
 * The changes of images that a recall waits for, or a task starts from: an image is made, copied, or cannot be made.
 * @param gatherMs how long a task waits for further changes: it has an image for each appliance
 */
export function imageSource(
  { templates }: Pick<Caches, 'templates'>,
  gatherMs: (taskKey: string) => number,
): Source {
  const tasks = (old: Template | undefined, current: Template | undefined) => {
    const recalled = (current ?? old)?.spec.recalled;
    if (recalled === undefined || isSameJson(relevantPart(old), relevantPart(current))) return [];
    const { namespace } = (current ?? old)?.metadata ?? {};
    return [keyOf({ namespace, name: recalled.task })];
  };
  return changesOf(templates, tasks, gatherMs);
}

function relevantPart(image: Template | undefined): unknown {
  if (image === undefined) return undefined;
  const { conditions, layers, hostsReady } = image.status ?? {};
  const { minCopies } = image.spec.distribution;
  const isGoing = image.metadata.deletionTimestamp !== undefined;
  return { isGoing, layers, hostsReady, minCopies, stalled: findCondition(conditions, CONDITION_STALLED) };
}

/** When to look again, while images are made. */
export function recallRecheckOf(services: readonly ServiceFacts[]): ReconcileResult[] {
  const isMaking = services.some(({ recallProgress }) => (recallProgress?.making ?? 0) > 0);
  return isMaking ? [waitFor('images on connected hosts', RECALL_RECHECK_MS)] : [];
}
