import { HostApiError } from '../../src/host/client.ts';
import { StalledError, TransientError } from '../../src/kube/controller/errors.ts';

/** Refusals that pass by themselves: our cache catches up, or the old appliance goes. */
const PASSING = new Set(['OlderGeneration', 'Deleting', 'LayerInUse']);

/** A daemon's answer, its errors sorted by what to do about them. */
export async function asking<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof HostApiError)) throw error;
    const { status, problem, message } = error;
    const isRequestAtFault = [400, 409, 413, 422].includes(status);
    if (isRequestAtFault && !PASSING.has(problem.reason)) {
      const field = problem.field === undefined ? '' : ` (at ${problem.field})`;
      throw new StalledError(problem.reason, `the host refuses it: ${message}${field}`, { cause: error });
    }
    throw new TransientError(message, { cause: error });
  }
}

/** What a daemon that answers says is in the way; undefined when it does not answer, or when the way will be free at once. */
export function tellingProblem({ cause }: TransientError): { reason: string; message: string } | undefined {
  if (!(cause instanceof HostApiError) || cause.status === 0 || PASSING.has(cause.problem.reason))
    return undefined;
  return { reason: cause.problem.reason, message: cause.message };
}
