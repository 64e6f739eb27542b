import { hostObstacles } from '../obstacles/hosts.ts';
import { blocked, found, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/**
 * A layer that its host cannot use, or fails to fetch: the host's report about the appliance says only that it waits for the layer. A
 * VM that exists no longer needs it.
 */
export function checkLayers(scope: Scope): PhaseResult {
  const { view } = scope;
  const { appliance, layers } = found(scope, 'desired');
  if (view === undefined || (view.appliances.get(appliance.uuid)?.vm.state ?? 'Absent') !== 'Absent')
    return phaseDone;
  for (const identity of layers) {
    const { problem, state } = view.layers.get(identity) ?? {};
    if (problem !== undefined && state === 'Failed')
      return blocked(hostObstacles.layerFailed(problem.reason, problem.message));
  }
  return phaseDone;
}
