import { StalledError, TransientError } from '../../src/kube/controller/errors.ts';
import { identitiesOf, layersOf } from '../objects/template-files.ts';
import { layersBelow } from '../objects/template-lineage.ts';
import { found, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/**
 * Has the host fetch the template's layers, as soon as there is a host, while the package, or an address, is still missing. What is in
 * the way is reported when the appliance's own turn comes: `sendToHost` asks for them once more.
 */
export async function fetchLayers(scope: Scope): Promise<PhaseResult> {
  const { appliance, context, view, signal } = scope;
  if (view?.link.state !== 'connected' || appliance.status?.vm !== undefined) return phaseDone;
  try {
    const template = found(scope, 'template');
    const below = layersBelow(template, (key) => context.caches.templates.get(key));
    for (const identity of [...below, ...identitiesOf(layersOf(template))])
      await context.sharing.share(identity, view, signal);
  } catch (error) {
    if (!(error instanceof TransientError || error instanceof StalledError)) throw error;
  }
  return phaseDone;
}
