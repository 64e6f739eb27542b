import { CONDITION_RECALLED, findCondition } from '../../src/api/conditions.ts';
import type { Explanation } from '../obstacles/obstacle.ts';
import { REASON } from '../obstacles/reasons.ts';
import { recallProgress } from '../obstacles/recalls.ts';
import type { EventRule } from '../status/occurrence.ts';
import type { ServiceFacts, StatusFacts } from './facts.ts';

/** That of the whole task is an Event of its condition Ready. */
export const RECALL_EVENT: EventRule = {
  condition: CONDITION_RECALLED,
  eventType: ({ status, reason }) => {
    if (reason === REASON.ImagesNotUsed) return 'Warning';
    return status === 'True' && reason === REASON.ServicesRecalled ? 'Normal' : undefined;
  },
};

/** How far the services are that are being recalled. */
export function recalling(services: readonly ServiceFacts[], leftovers: number): Explanation {
  const going = services.filter(({ state }) => state === 'Recalling');
  const parts = going.map(({ name, appliances, recallProgress: images }) => ({
    name,
    left: appliances.length,
    images,
  }));
  return recallProgress.recalling(parts, leftovers);
}

/** The condition Recalled, of a task of which something is or was recalled. */
export function recalledCondition(facts: Pick<StatusFacts, 'deployment' | 'services'>) {
  const { metadata, status } = facts.deployment;
  const verdict = verdictOf(facts);
  const isNew = findCondition(status?.conditions, CONDITION_RECALLED) === undefined;
  if (isNew && verdict.reason === REASON.Redeployed && facts.services.every(hasNoImages)) return undefined;
  const isDone = verdict.reason === REASON.Recalled || verdict.reason === REASON.ServicesRecalled;
  return {
    type: CONDITION_RECALLED,
    status: isDone ? ('True' as const) : ('False' as const),
    observedGeneration: metadata.generation,
    ...verdict,
  };
}

function hasNoImages({ imageReason }: ServiceFacts): boolean {
  return imageReason === undefined;
}

function verdictOf({ services }: Pick<StatusFacts, 'services'>): Explanation {
  if (services.some(({ state }) => state === 'Recalling')) return recalling(services, 0);
  const recalled = services.filter(({ state }) => state === 'Recalled');
  if (recalled.length === services.length) return recallProgress.recalled();
  if (recalled.length > 0) return recallProgress.servicesRecalled(recalled.map(({ name }) => name));
  const unused = services.filter(({ imagesUnused }) => imagesUnused === true);
  if (unused.length > 0) return recallProgress.imagesNotUsed(unused.map(inWords));
  return recallProgress.redeployed(services.filter((one) => !hasNoImages(one)).map(inWords));
}

function inWords({ name, imageReason = '' }: ServiceFacts): string {
  return `${name}: ${imageReason}`;
}
