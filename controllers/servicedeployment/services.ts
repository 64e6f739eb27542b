import type { ServiceDeployment, VirtualAppliance } from '../../src/api/kinds.ts';

/** A service as its task declares it. */
export type DeclaredService = ServiceDeployment['spec']['services'][number];
type ApplianceSpec = VirtualAppliance['spec'];
type Filled = Pick<
  ApplianceSpec,
  'resources' | 'network' | 'placement' | 'start' | 'disk' | 'onHostFailure' | 'timeouts' | 'parameters'
>;

/** A service with every default filled in. */
export type Service = Omit<DeclaredService, keyof Filled | 'maxUnavailable' | 'strategy'> &
  Filled & { readonly maxUnavailable: number; readonly strategy: 'InPlace' | 'Replace' };

/** By the task as the cache has it: the same task has the same services, by which differences are remembered. */
const known = new WeakMap<ServiceDeployment, readonly Service[]>();

/**
 * The services of a task with the defaults that an appliance's spec has (crds/virtualappliances.yaml). The API server does not fill
 * them in: kubectl compares lists as a whole, and would take every task with a default in its list for changed.
 */
export function servicesOf(task: ServiceDeployment): readonly Service[] {
  const found = known.get(task) ?? task.spec.services.map(complete);
  known.set(task, found);
  return found;
}

/** The service with every default filled in. */
export function complete(service: DeclaredService): Service {
  const { maxUnavailable = 1, strategy = 'InPlace', onHostFailure = 'Stay', parameters, ...rest } = service;
  return {
    ...rest,
    maxUnavailable,
    strategy,
    onHostFailure,
    network: service.network ?? {},
    placement: service.placement ?? {},
    resources: { cpu: '500m', memory: '256Mi', ...service.resources },
    start: { from: 'ColdBoot', ...service.start },
    disk: { mode: 'Incremental', ...service.disk },
    timeouts: { agentSeconds: 300, serviceSeconds: 300, ...service.timeouts },
    ...(parameters === undefined ? {} : { parameters: withProbe(parameters) }),
  };
}

type Parameters = NonNullable<DeclaredService['parameters']>;

function withProbe({ probe, ...others }: Parameters): NonNullable<Filled['parameters']> {
  if (probe === undefined) return others;
  const { http, ...rest } = probe;
  return { ...others, probe: http === undefined ? rest : { ...rest, http: { path: '/', ...http } } };
}
