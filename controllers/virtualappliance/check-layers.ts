import { hostObstacles } from '../obstacles/hosts.ts';
import { blocked, found, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/**
 * A layer that its host failed to fetch, and will not try again: the host's report about the appliance says only that it waits for
 * the layer. A VM that exists no longer needs it.
 */
export function checkLayers(scope: Scope): PhaseResult {
  const { view } = scope;
  const { appliance, layers } = found(scope, 'desired');
  if ((view?.appliances.get(appliance.uuid)?.vm.state ?? 'Absent') !== 'Absent') return phaseDone;
  const problems = [...layers.keys()].map((digest) => view?.layers.get(digest)?.problem);
  const final = problems.find((problem) => problem !== undefined && problem.retryAt === undefined);
  return final === undefined ? phaseDone : blocked(hostObstacles.layerFailed(final.reason, final.message));
}
