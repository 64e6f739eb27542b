import { neededForVm, neededNetwork, uidOf } from '../objects/appliance.ts';
import { applianceObstacles } from '../obstacles/appliances.ts';
import { blocked, found, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/** A host that a user named in the spec may not exist. */
export function checkHost({ context, appliance }: Scope): PhaseResult {
  const { hostName } = appliance.spec;
  if (hostName === undefined || context.caches.hosts.get(hostName) !== undefined) return phaseDone;
  return blocked(applianceObstacles.hostNotFound(hostName));
}

/** A host that a user named in the spec may lack the network that the appliance needs; an existing VM is left as it is. */
export function checkNetwork({ appliance, view }: Scope): PhaseResult {
  const capability = neededNetwork(appliance);
  if (view?.status === undefined || view.status.driver.capabilities.includes(capability)) return phaseDone;
  if ((view.appliances.get(uidOf(appliance))?.vm.state ?? 'Absent') !== 'Absent') return phaseDone;
  return blocked(applianceObstacles.networkNotSupported(view.name, capability));
}

/**
 * A host that a user named in the spec may not have what the VM is made of, and an older daemon may not know a second disk that is
 * added later. An existing VM is left as it is.
 */
export function checkAbilities(scope: Scope): PhaseResult {
  const { appliance, view } = scope;
  if (view?.status === undefined) return phaseDone;
  const template = found(scope, 'template');
  const disk = template.status?.layers?.disk ?? '';
  const isThere = (view.appliances.get(uidOf(appliance))?.vm.state ?? 'Absent') !== 'Absent';
  const { capabilities } = view.status.driver;
  const lacking = neededForVm(appliance, template, view.layers.get(disk)?.firmware).find(
    (each) => !capabilities.includes(each) && !(isThere && each !== 'dataDisk'),
  );
  if (lacking === undefined) return phaseDone;
  return blocked(applianceObstacles.notSupportedByHost(view.name, lacking));
}
