import { CONDITION_READY, findCondition } from '../../src/api/conditions.ts';
import type { Template } from '../../src/api/kinds.ts';
import { UNJUDGED } from '../obstacles/reasons.ts';

/** Whether a host has a template's image and judged it to be usable. */
export function isJudged({ status }: Template): boolean {
  return findCondition(status?.conditions, CONDITION_READY)?.status === 'True';
}

/** Whether appliances may be made from a template: it is Ready, or no host has judged it, and the appliance's own host will. */
export function mayBeUsed(template: Template): boolean {
  const reason = findCondition(template.status?.conditions, CONDITION_READY)?.reason;
  return isJudged(template) || (reason !== undefined && UNJUDGED.has(reason));
}
