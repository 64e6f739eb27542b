import { buildCommand } from './command.ts';
import { ServiceRequestError } from './errors.ts';
import { buildStaticSite } from './static-site.ts';
import type { ServiceBuilder, ServicePlan, ServiceRequest } from './types.ts';

/** "Towards different types of services, each type needs a particular builder" (SO-MVDS section 5). Add new ones here. */
const BUILDERS: ReadonlyMap<string, ServiceBuilder> = new Map([
  ['static-site', buildStaticSite],
  ['command', buildCommand],
]);

/**
 * How to install, start, stop and probe the service in its container.
 * @throws ServiceRequestError when the request cannot be carried out, or its type of container has no builder
 */
export function planService(request: ServiceRequest): ServicePlan {
  const build = BUILDERS.get(request.container.type);
  if (build === undefined) {
    throw new ServiceRequestError(
      'UnknownContainerType',
      `container type "${request.container.type}" of the template has no builder: use ${[...BUILDERS.keys()].join(' or ')}`,
    );
  }
  return build(request);
}
