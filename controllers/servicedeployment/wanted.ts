import type { ServiceDeployment, VirtualAppliance } from '../../src/api/kinds.ts';
import {
  FINALIZER_APPLIANCE,
  LABEL_ORDINAL,
  LABEL_SERVICE,
  LABEL_SERVICE_DEPLOYMENT,
} from '../../src/api/labels.ts';
import { controllerReference, parseKey } from '../../src/base/object.ts';
import { applianceName } from '../objects/machine.ts';
import type { DeclaredService, Service } from './services.ts';

type ApplianceSpec = VirtualAppliance['spec'];

/** The part of an appliance's spec that its task decides. Placement sets hostName, users set powerState. */
export type WantedSpec = Omit<ApplianceSpec, 'hostName' | 'powerState'>;

/** One appliance as a task wants it. */
export interface WantedAppliance {
  readonly name: string;
  readonly ordinal: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: WantedSpec;
}

/** How many appliances a service of a task should have: `spec.replicas` is for tasks of one service. */
export function replicasOf({ spec }: ServiceDeployment, service: DeclaredService): number {
  const ofTask = spec.services.length === 1 ? spec.replicas : undefined;
  return ofTask ?? declaredReplicas(service);
}

/** How many the service itself asks for. */
export function declaredReplicas({ replicas = 1 }: DeclaredService): number {
  return replicas;
}

/**
 * The service of an appliance that the task made: by its name, which nobody can change, as anybody can a label. Undefined for one
 * that the task owns and did not make.
 */
export function serviceOf(task: ServiceDeployment, { metadata }: VirtualAppliance): string | undefined {
  const prefix = `${task.metadata.name}-`;
  if (!metadata.name.startsWith(prefix)) return undefined;
  return /^(.+)-(?:0|[1-9]\d*)$/.exec(metadata.name.slice(prefix.length))?.[1];
}

/** The number of an appliance that a task made, by its name. */
export function ordinalOf({ metadata }: VirtualAppliance): number {
  return Number(metadata.name.slice(metadata.name.lastIndexOf('-') + 1));
}

/** By their numbers: the cache has them in any order, and a task's URL must not change with it. */
export function inOrder(appliances: readonly VirtualAppliance[]): VirtualAppliance[] {
  return [...appliances].sort((a, b) => ordinalOf(a) - ordinalOf(b));
}

/**
 * The appliances of a service, in order of their ordinals.
 * @param templateOf namespace/name of the template of the appliance with that number and name
 * @param hostnameNow the present hostname of the appliance with that name, if it exists
 * @param packageOf the package of the appliance with that name
 */
export function wantedAppliances(
  deployment: ServiceDeployment,
  service: Service,
  templateOf: (ordinal: number, applianceName: string) => string,
  hostnameNow: (applianceName: string) => string | undefined,
  packageOf: (applianceName: string) => WantedSpec['package'] = () => service.package,
): WantedAppliance[] {
  const replicas = replicasOf(deployment, service);
  return Array.from({ length: replicas }, (_, ordinal) => {
    const name = applianceName(deployment.metadata.name, service.name, ordinal);
    const labels = {
      [LABEL_SERVICE_DEPLOYMENT]: deployment.metadata.name,
      [LABEL_SERVICE]: service.name,
      [LABEL_ORDINAL]: String(ordinal),
    };
    const hostname = hostnameOf(service, ordinal, replicas, hostnameNow(name));
    const template = templateOf(ordinal, name);
    const spec = { ...specOf(deployment, service, template, hostname), package: packageOf(name) };
    return { name, ordinal, labels, spec };
  });
}

function specOf(
  { metadata }: ServiceDeployment,
  service: Service,
  templateKey: string,
  hostname: string | undefined,
): Omit<WantedSpec, 'package'> {
  const { name, namespace } = parseKey(templateKey);
  const { parameters, resources, network, placement, start, disk, onHostFailure, timeouts } = service;
  return {
    service: { name: service.name },
    template: { name, ...(namespace === metadata.namespace ? {} : { namespace }) },
    resources,
    parameters: hostname === undefined ? parameters : { ...parameters, hostname },
    network,
    placement,
    start,
    disk,
    onHostFailure,
    timeouts,
  };
}

/**
 * With several replicas the ordinal is appended to the hostname. An appliance that has a hostname of either form keeps it: scaling
 * a service from one replica to two must not reconfigure the running one.
 */
function hostnameOf(
  { parameters }: Service,
  ordinal: number,
  replicas: number,
  now: string | undefined,
): string | undefined {
  const base = parameters?.hostname;
  if (base === undefined) return undefined;
  const numbered = `${base}-${ordinal}`;
  if (now === numbered || (now === base && ordinal === 0)) return now;
  return replicas > 1 ? numbered : base;
}

/** The object to create. It is complete from the start, so that a crash after the request leaves nothing half done. */
export function newAppliance(deployment: ServiceDeployment, wanted: WantedAppliance): VirtualAppliance {
  const owner = controllerReference(deployment);
  return {
    apiVersion: deployment.apiVersion,
    kind: 'VirtualAppliance',
    metadata: {
      name: wanted.name,
      namespace: deployment.metadata.namespace,
      labels: { ...wanted.labels },
      finalizers: [FINALIZER_APPLIANCE],
      ownerReferences: [owner],
    },
    spec: { ...wanted.spec, powerState: 'Running' },
  };
}
