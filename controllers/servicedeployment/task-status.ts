import type { ServiceDeployment } from '../../src/api/kinds.ts';
import type { DeclaredService } from './services.ts';

type ServiceStatus = NonNullable<NonNullable<ServiceDeployment['status']>['services']>[number];

/** What the task's status says of a service. */
export function serviceStatusOf(
  { status }: ServiceDeployment,
  { name }: Pick<DeclaredService, 'name'>,
): ServiceStatus | undefined {
  return status?.services?.find((service) => service.name === name);
}

/** The previous choice of its template. */
export function pinOf(
  task: ServiceDeployment,
  service: Pick<DeclaredService, 'name'>,
): { readonly template: string | undefined; readonly templateLabel: string | undefined } {
  const { template, templateLabel } = serviceStatusOf(task, service) ?? {};
  return { template, templateLabel };
}

/** Why the template was chosen when it was. */
export function reasonBefore(
  task: ServiceDeployment,
  service: Pick<DeclaredService, 'name'>,
  template = serviceStatusOf(task, service)?.template,
): string | undefined {
  const before = serviceStatusOf(task, service);
  return before?.template === template ? before?.templateReason : undefined;
}
