import type { BuildStatus, DesiredAppliance, DesiredBuild } from '../../../host/protocol.ts';
import type { ApplianceRecord, BuildRecord } from '../../state/record.ts';
import { labelOf, type Scope } from '../scope.ts';

const BEGINNING: BuildRecord = { phase: 'Building', attempt: 1, next: 0 };

export function buildRecordOf({ build }: ApplianceRecord): BuildRecord {
  return build ?? BEGINNING;
}

/** Remembers it, and resolves when it is on disk. */
export async function remember({ record }: Scope, change: Partial<BuildRecord>): Promise<void> {
  record.update({ build: { ...buildRecordOf(record.current), ...change } });
  await record.saved();
}

export function buildOf({ desired }: Scope): DesiredBuild {
  if (desired.build === undefined) throw new Error(`${labelOf(desired)} builds nothing`);
  return desired.build;
}

/** A step as people know it, such as `step 2 of 5 (install)`. @param index from 0 */
export function titleOf(index: number, { steps }: DesiredBuild): string {
  const name = steps[index]?.name;
  return `step ${index + 1} of ${steps.length}${name === undefined ? '' : ` (${name})`}`;
}

/**
 * How far a build is, as the API shows it; undefined for an appliance that builds nothing.
 * @param isOff whether its VM was last seen to be off
 */
export function buildStatusOf(
  desired: DesiredAppliance | undefined,
  record: ApplianceRecord,
  isOff: boolean,
): BuildStatus | undefined {
  if (desired?.build === undefined) return undefined;
  const { steps } = desired.build;
  const { phase, attempt, next, failure } = buildRecordOf(record);
  const name = steps[next]?.name;
  return {
    // Whoever reads that it is built takes the disk, which no VM may have any more.
    state: phase === 'Built' && !isOff ? 'Stopping' : phase,
    step: next + 1,
    steps: steps.length,
    ...(name === undefined ? {} : { name }),
    attempt,
    ...(failure === undefined ? {} : { failure }),
  };
}
