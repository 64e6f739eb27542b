import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { userDataProblem } from '../../src/domain/cloud-init/user-data.ts';
import type { DesiredAppliance } from '../../src/host/protocol.ts';
import { applianceObstacles } from '../obstacles/appliances.ts';
import { errorOf } from '../obstacles/obstacle.ts';

/**
 * What cloud-init in the appliance's guest is to do; undefined for a guest without.
 * @throws StalledError CloudInitMissing when the appliance asks for what only cloud-init does; UserDataInvalid
 */
export function cloudInitOf({ spec }: VirtualAppliance, template: Template): DesiredAppliance['cloudInit'] {
  const { sshAuthorizedKeys = [], cloudInit } = spec.parameters ?? {};
  const { init, agentPackages = [] } = template.spec.guest;
  if (init !== 'cloud-init') {
    const asked = cloudInit !== undefined ? 'cloudInit' : 'sshAuthorizedKeys';
    if (cloudInit === undefined && sshAuthorizedKeys.length === 0) return undefined;
    throw errorOf(applianceObstacles.cloudInitMissing(asked, keyOf(template)));
  }
  const userData = cloudInit?.userData;
  const problem = userData === undefined ? undefined : userDataProblem(userData);
  if (problem !== undefined) throw errorOf(applianceObstacles.userDataInvalid(problem));
  return { sshAuthorizedKeys, agentPackages, ...(userData === undefined ? {} : { userData }) };
}
