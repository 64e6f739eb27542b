import { HostApiError } from '../../src/host/client.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import { hostObstacles } from '../obstacles/hosts.ts';
import { errorOf, RetryError } from '../obstacles/obstacle.ts';

/** Statuses that find fault with the request itself: sending it again changes nothing. */
const REQUEST_AT_FAULT: ReadonlySet<number> = new Set([400, 409, 413, 422]);
/** Refusals that pass by themselves: our cache catches up, or the old appliance is deleted. */
const PASSING: ReadonlySet<string> = new Set(['OlderGeneration', 'Deleting', 'LayerInUse']);

/**
 * The answer to a call of a daemon, with its errors sorted by what to do about them.
 * @throws StalledError when the daemon finds fault with the request, RetryError when it reports another problem, TransientError
 * when it does not answer, or when the problem passes by itself
 */
export async function callDaemon<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof HostApiError)) throw error;
    const { status, problem, message } = error;
    if (status === 0 || PASSING.has(problem.reason)) throw new TransientError(message, { cause: error });
    if (REQUEST_AT_FAULT.has(status))
      throw errorOf(hostObstacles.requestRefused(problem.reason, message, problem.field), error);
    throw new RetryError(hostObstacles.daemonProblem(problem.reason, message), error);
  }
}
