import { expect } from 'vitest';
import { type Condition, findCondition } from '../../src/api/conditions.ts';

type Status = Condition['status'];

/** What the three conditions of kstatus say of an object, as a whole. */
interface Standing {
  readonly ready: Status;
  readonly reconciling: Status;
  readonly stalled: Status;
}

export const READY: Standing = { ready: 'True', reconciling: 'False', stalled: 'False' };
export const RECONCILING: Standing = { ready: 'False', reconciling: 'True', stalled: 'False' };
export const STALLED: Standing = { ready: 'False', reconciling: 'False', stalled: 'True' };

/** The condition is there, with this status and reason; its message is returned for those who want to read it. */
export function expectCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
  status: Status,
  reason: string,
): string {
  const found = findCondition(conditions, type);
  expect(found, `condition ${type}`).toMatchObject({ type, status, reason });
  return found?.message ?? '';
}

/** Ready, Reconciling and Stalled as kstatus reads them, all with the one reason; returns Ready's message. */
export function expectStanding(
  conditions: readonly Condition[] | undefined,
  statuses: Standing,
  reason: string,
): string {
  expectCondition(conditions, 'Reconciling', statuses.reconciling, reason);
  expectCondition(conditions, 'Stalled', statuses.stalled, reason);
  return expectCondition(conditions, 'Ready', statuses.ready, reason);
}
