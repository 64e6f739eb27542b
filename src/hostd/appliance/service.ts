import { accessPoint } from '../../domain/services/access-point.ts';
import { planService } from '../../domain/services/builders.ts';
import { ServiceRequestError } from '../../domain/services/errors.ts';
import type { PackageFacts, ServicePlan } from '../../domain/services/types.ts';
import type { DesiredAppliance, DesiredPackage } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import type { PackageContent } from '../guest/packages/describe.ts';
import { reachableAt } from './endpoints.ts';
import type { Scope } from './scope.ts';

/** The service's package, as this host has it. */
export function contentOf({ host, desired }: Scope): PackageContent {
  const content = desired.service.package;
  if (content === undefined) return { kind: 'none' };
  if (content.kind === 'archive') {
    return { kind: 'archive', path: host.packages.path(content.sha256), fileName: packageFileName(content) };
  }
  const files = Object.entries(content.files).map(
    ([name, text]) => [name, Buffer.from(text, 'base64')] as const,
  );
  return { kind: 'files', files: Object.fromEntries(files) };
}

/** Begins to fetch the package, unless this pass has begun already; rejects as the fetch does. */
export function fetchPackage(scope: Scope, signal: AbortSignal): Promise<void> {
  const content = scope.desired.service.package;
  if (content?.kind !== 'archive') return Promise.resolve();
  scope.packageFetch ??= scope.host.packages.fetch(content.url, content.sha256, signal);
  return scope.packageFetch;
}

/** The builder's plan once the package is on this host. */
export async function planOf(scope: Scope): Promise<ServicePlan> {
  return planWith(scope.desired, await scope.host.guestWork.describe(contentOf(scope)));
}

/**
 * The plan as far as it is known before the package has arrived: enough to find out whether the container is ready, and
 * whether a service that was installed earlier still answers.
 */
export async function provisionalPlanOf(scope: Scope): Promise<ServicePlan> {
  const content = scope.desired.service.package;
  if (content?.kind !== 'archive' || (await scope.host.packages.has(content.sha256))) return planOf(scope);
  const fileName = packageFileName(content);
  return planWith(scope.desired, { kind: 'archive', fileName, sizeBytes: 0, format: 'file' });
}

function planWith(desired: DesiredAppliance, facts: PackageFacts): ServicePlan {
  const { name, container, parameters } = desired.service;
  return asHostErrors(() =>
    planService({ serviceName: name, package: facts, container, parameters: { ...parameters } }),
  );
}

/** A request that no builder can carry out is not tried again: its author has to change it. */
export function asHostErrors<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof ServiceRequestError)
      throw hostErrors.serviceRequestInvalid(error.reason, error.message);
    throw error;
  }
}

/** The URLs at which the service answers (SO-MVDS section 5). */
export function accessPointsOf({ desired, record }: Scope, plan: ServicePlan): readonly string[] {
  const { container } = desired.service;
  return [
    accessPoint({
      scheme: container.scheme ?? 'http',
      ...reachableAt(desired, record.current.ports, container.port),
      path: plan.accessPath,
    }),
  ];
}

/** The name that a package's file has at its source. */
function packageFileName({ url }: Extract<DesiredPackage, { kind: 'archive' }>): string {
  return fileNameIn(url);
}

/** The last part of an address, as a name that is safe in paths and commands. */
export function fileNameIn(url: string): string {
  const last = (URL.parse(url)?.pathname ?? '').split('/').findLast((part) => part !== '') ?? '';
  const safe = decodeLeniently(last)
    .replaceAll(/[^-._a-zA-Z0-9]/g, '_')
    .replace(/^\.+/, '');
  return safe === '' ? 'package' : safe;
}

function decodeLeniently(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    // A stray per cent sign is no reason to refuse a package.
    if (error instanceof URIError) return part;
    throw error;
  }
}
