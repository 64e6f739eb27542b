import { problemFor } from '../daemons/layer-problem.ts';
import { layerKey } from '../daemons/view.ts';
import { hostObstacles } from '../obstacles/hosts.ts';
import { blocked, found, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/**
 * A layer that its host failed to fetch, and will not try again soon, or that waits for others to be fetched first: the host's report
 * about the appliance says only that it waits for the layer. A VM that exists no longer needs it.
 */
export function checkLayers(scope: Scope): PhaseResult {
  const { view } = scope;
  const { appliance, layers } = found(scope, 'desired');
  if (view === undefined || (view.appliances.get(appliance.uuid)?.vm.state ?? 'Absent') !== 'Absent')
    return phaseDone;
  const held = layers.flatMap(([sha256, { kind, template }]) => {
    const layer = view.layers.get(layerKey({ sha256, kind }));
    return layer === undefined ? [] : [{ layer, template }];
  });
  for (const { layer, template } of held) {
    const problem = layer.state === 'Failed' ? problemFor(layer, template) : undefined;
    if (problem !== undefined) return blocked(hostObstacles.layerFailed(problem.reason, problem.message));
  }
  const queued = held.find(({ layer }) => layer.queued === true && layer.problem === undefined);
  return queued === undefined
    ? phaseDone
    : blocked(hostObstacles.layerQueued(view.name, queued.layer.kind, queued.template));
}
