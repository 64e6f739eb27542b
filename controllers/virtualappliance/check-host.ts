import { neededCapability, uidOf } from '../objects/appliance.ts';
import { applianceObstacles } from '../obstacles/appliances.ts';
import { blocked, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/** A host that a user named in the spec may not exist. */
export function checkHost({ context, appliance }: Scope): PhaseResult {
  const { hostName } = appliance.spec;
  if (hostName === undefined || context.caches.hosts.get(hostName) !== undefined) return phaseDone;
  return blocked(applianceObstacles.hostNotFound(hostName));
}

/** A host that a user named in the spec may lack the network that the appliance needs; an existing VM is left as it is. */
export function checkNetwork({ appliance, view }: Scope): PhaseResult {
  const capability = neededCapability(appliance);
  if (view?.status === undefined || view.status.driver.capabilities.includes(capability)) return phaseDone;
  if ((view.appliances.get(uidOf(appliance))?.vm.state ?? 'Absent') !== 'Absent') return phaseDone;
  return blocked(applianceObstacles.networkNotSupported(view.name, capability));
}
