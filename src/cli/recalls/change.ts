import type { ServiceDeployment } from '../../api/kinds.ts';

type Spec = ServiceDeployment['spec'];
type ServiceSpec = Spec['services'][number];
/** What of a task's spec a recall, or its opposite, changes. The list of services is replaced as a whole. */
export type RecallChange = Pick<Spec, 'state' | 'services'> & {
  readonly recall?: { readonly save: boolean };
};

/** What a user asks for. */
export interface RecallRequest {
  readonly state: 'Recalled' | 'Deployed';
  /** The services by name; none for all of the task. */
  readonly services: readonly string[];
  /** Unset: as the task says. */
  readonly save?: boolean | undefined;
}

/**
 * The change that makes of a task what is asked for: the services that are named get the state, and all others keep theirs.
 * @throws when the task has no service of that name
 */
export function recallChange(task: ServiceDeployment, request: RecallRequest): RecallChange {
  const { state, services, save } = request;
  const { spec } = task;
  requireServices(task, services);
  const isMeant = ({ name }: ServiceSpec) => services.length === 0 || services.includes(name);
  const isRecalled = (service: ServiceSpec) =>
    isMeant(service) ? state === 'Recalled' : spec.state === 'Recalled' || service.state === 'Recalled';
  const isAll = spec.services.every((service) => isRecalled(service));
  return {
    state: isAll ? 'Recalled' : 'Deployed',
    services: spec.services.map((service) => {
      const { state: _, ...rest } = service;
      return !isAll && isRecalled(service) ? { ...rest, state: 'Recalled' as const } : rest;
    }),
    ...(save === undefined ? {} : { recall: { save } }),
  };
}

function requireServices({ metadata, spec }: ServiceDeployment, services: readonly string[]): void {
  const known = spec.services.map(({ name }) => name);
  const unknown = services.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new Error(
    `task ${metadata.name} has no service ${unknown.join(', ')}: its services are ${known.join(', ')}`,
  );
}

/** Whether the operator has carried out what was asked for. */
export function isCarriedOut(
  { metadata, status }: ServiceDeployment,
  { state, services }: RecallRequest,
): boolean {
  if (status?.observedGeneration !== metadata.generation) return false;
  const meant = (status?.services ?? []).filter(
    ({ name }) => services.length === 0 || services.includes(name),
  );
  if (meant.some((service) => service.state !== state)) return false;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return state === 'Recalled' || ready?.status === 'True';
}
