import { HostError, hostErrors } from '../../errors/index.ts';
import type { BuildRecord } from '../../state/record.ts';
import type { Step } from '../pass.ts';
import type { Scope } from '../scope.ts';
import { BuildLog } from './log.ts';
import { buildRecordOf, remember } from './progress.ts';

type Failure = NonNullable<BuildRecord['failure']>;

/** Ends the build for good: what failed once is not tried again by itself. Rejects with the failure. */
export async function failBuild(
  scope: Scope,
  error: HostError,
  details: Pick<Failure, 'step' | 'name' | 'exitCode'> = {},
): Promise<never> {
  const { reason, message } = error;
  await new BuildLog(scope.directory.buildLogPath).tell(`failed: ${message}`);
  await remember(scope, { phase: 'Failed', failure: { ...details, reason, message } });
  throw error;
}

/** A build that has failed stays as it is, with its disk and its log. */
export function failedStep({ record }: Scope): Step {
  const { failure } = buildRecordOf(record.current);
  return {
    name: 'Build',
    isDone: async () => {
      throw failure === undefined
        ? hostErrors.internal(new Error('a build has failed, and nobody knows why'))
        : new HostError(failure.reason, failure.message, { kind: 'stalled' });
    },
    run: async () => undefined,
  };
}
