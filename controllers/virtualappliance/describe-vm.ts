import { CONDITION_READY, CONDITION_STALLED, findCondition } from '../../src/api/conditions.ts';
import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { parseBytes } from '../../src/domain/quantity.ts';
import type { WholeTemplate } from '../../src/domain/templates/inherit.ts';
import type {
  DesiredContainer,
  DesiredMachine,
  DesiredNetwork,
  DesiredPackage,
  DesiredProbe,
  DesiredService,
  GuestBoot,
  PortRequest,
} from '../../src/host/protocol.ts';
import { readAmount } from '../objects/amounts.ts';
import { amountsOf, uidOf } from '../objects/appliance.ts';
import { machineIn } from '../objects/machine.ts';
import { identitiesOf, layersOf, type TemplateLayers } from '../objects/template-files.ts';
import { layersBelow } from '../objects/template-lineage.ts';
import { applianceObstacles } from '../obstacles/appliances.ts';
import { errorOf } from '../obstacles/obstacle.ts';
import { UNJUDGED } from '../obstacles/reasons.ts';
import { templateObstacles } from '../obstacles/templates.ts';
import { cloudInitOf } from './cloud-init.ts';
import {
  type DesiredState,
  found,
  type GivenNetwork,
  type PhaseResult,
  phaseDone,
  type Scope,
} from './scope.ts';

/** In characters. */
const LONGEST_HOSTNAME = 63;

/** Composes the request to the host. */
export function describeVm(scope: Scope): PhaseResult {
  const { value } = found(scope, 'servicePackage');
  const template = found(scope, 'template');
  const { layers, appliance } = desiredOf(scope.appliance, template, value, scope.network);
  const { templates } = scope.context.caches;
  scope.desired = { layers: [...layersBelow(template, (key) => templates.get(key)), ...layers], appliance };
  return phaseDone;
}

/**
 * The appliance as its host should have it. It follows from the objects alone, so that every reconcile comes to the same result.
 * @param given the address of its own, for mode Bridge
 * @throws StalledError MemoryBelowMinimum when the guest cannot boot with the memory that the appliance asks for; InvalidAmount when
 * an amount of either is none; the template's reason when no host can have its files. WaitingError TemplateNotReady while no host has
 * imported them
 */
export function desiredOf(
  appliance: VirtualAppliance,
  template: WholeTemplate,
  servicePackage: DesiredPackage | undefined,
  given?: GivenNetwork,
): DesiredState {
  const { metadata, spec } = appliance;
  // What a person must correct is said before what only takes time.
  const { diskBytes, dataBytes, ...resources } = amountsOf(appliance);
  requireMemory(appliance, resources.memoryBytes, template);
  const cloudInit = cloudInitOf(appliance, template);
  const layers = layersOf(template);
  if (layers === undefined)
    throw errorOf(templateObstacles.notImported(keyOf(template), failureOf(template, metadata.namespace)));
  return {
    layers: identitiesOf(layers),
    appliance: {
      uuid: uidOf(appliance),
      generation: metadata.generation ?? 1,
      namespace: metadata.namespace ?? 'default',
      name: metadata.name,
      powerState: spec.powerState,
      layer: layers.disk,
      machine: machineOf(appliance, template),
      boot: bootOf(template, layers),
      xen: template.spec.guest.xen,
      cd: layers.cd,
      cloudInit,
      disk: {
        mode: spec.disk.mode,
        sizeBytes: diskBytes,
        dataBytes,
        dataLayer: dataBytes === undefined ? undefined : layers.data,
        bus: template.spec.guest.diskBus,
      },
      resources,
      ...checkpointOf(appliance, template, layers),
      ...(spec.capturable === true ? { capturable: true } : {}),
      network: networkOf(portsOf(appliance, template), given),
      service: serviceOf(appliance, template, servicePackage),
      agentTimeoutSeconds: spec.timeouts.agentSeconds,
      serviceTimeoutSeconds: spec.timeouts.serviceSeconds,
    },
  };
}

/** What its VM continues from, if it is to continue and its template has the memory of a VM. */
function checkpointOf({ spec }: VirtualAppliance, template: Template, { memory, state }: TemplateLayers) {
  if (spec.start.from !== 'Checkpoint' || memory === undefined || state === undefined) return {};
  const { onClone } = template.spec.guest;
  // Older daemons refuse this field; they do what Restart says.
  return { checkpoint: { memory, state, ...(onClone === 'Hook' ? { onClone } : {}) } };
}

/** Which machine it is, if its template is the image of one. */
function machineOf(appliance: VirtualAppliance, template: Template): DesiredMachine | undefined {
  const machine = machineIn(appliance, template);
  if (machine.kind === 'first') return undefined;
  return machine.kind === 'same' ? { kind: 'same', uuid: machine.uid } : { kind: 'other' };
}

/** Why no host has the template's layers, as far as the appliance's owner may know it. */
function failureOf({ metadata, status }: Template, namespace: string | undefined) {
  const isFinal = findCondition(status?.conditions, CONDITION_STALLED)?.status === 'True';
  const ready = findCondition(status?.conditions, CONDITION_READY);
  if (ready === undefined || UNJUDGED.has(ready.reason) || metadata.namespace !== namespace) return undefined;
  return { reason: ready.reason, message: ready.message, isFinal };
}

function requireMemory({ spec }: VirtualAppliance, bytes: number, template: Template): void {
  const { minimumMemory } = template.spec.guest;
  if (minimumMemory === undefined) return;
  const key = keyOf(template);
  const minimum = readAmount('guest.minimumMemory', minimumMemory, parseBytes);
  if (typeof minimum !== 'number')
    throw errorOf(templateObstacles.invalidAmount(key, minimum.field, minimum.problem));
  if (bytes >= minimum) return;
  throw errorOf(applianceObstacles.memoryBelowMinimum(spec.resources.memory, minimumMemory, key));
}

function bootOf({ spec }: Template, { kernel, initrd }: TemplateLayers): GuestBoot {
  const { boot, firmware } = spec.guest;
  if (boot === undefined || kernel === undefined) return { kind: 'firmware', firmware };
  return { kind: 'direct', kernel, initrd, commandLine: boot.commandLine };
}

function networkOf(ports: readonly PortRequest[], given: GivenNetwork | undefined): DesiredNetwork {
  if (given === undefined) return { mode: 'user', ports };
  const { address, prefix, gateway, dns = [] } = given;
  const guestPorts = ports.map(({ name, guestPort }) => ({ name, guestPort }));
  return { mode: 'bridge', ports: guestPorts, address, prefixLength: prefix, gateway, dns };
}

function portsOf({ spec }: VirtualAppliance, template: WholeTemplate): PortRequest[] {
  // Nobody comes to an appliance that builds.
  if (spec.build !== undefined) return [];
  const asked = (spec.network.ports ?? []).map(({ name, port, hostPort }) => ({
    name,
    guestPort: port,
    hostPort,
  }));
  // The container's own port is always forwarded; a user may still choose its port on the host.
  const hasService = asked.some(({ name }) => name === 'service');
  return hasService ? asked : [{ name: 'service', guestPort: template.spec.container.port }, ...asked];
}

function serviceOf(
  { metadata, spec }: VirtualAppliance,
  template: WholeTemplate,
  servicePackage: DesiredPackage | undefined,
): DesiredService {
  const { env, hostname, serviceName, path, command, probe } = spec.parameters ?? {};
  return {
    name: spec.service.name ?? metadata.name,
    container: containerOf(template),
    package: servicePackage,
    parameters: {
      env,
      serviceName,
      path,
      command,
      probe: probeOf(probe),
      hostname: hostname ?? hostnameFrom(metadata.name),
    },
  };
}

function containerOf({ spec }: WholeTemplate): DesiredContainer {
  const { type, name, port, scheme, documentRoot } = spec.container;
  return { type, name, port, scheme, documentRoot };
}

type Probe = NonNullable<VirtualAppliance['spec']['parameters']>['probe'];

function probeOf(probe: Probe): DesiredProbe | undefined {
  if (probe?.http !== undefined) return { kind: 'http', path: probe.http.path, port: probe.http.port };
  if (probe?.tcp !== undefined) return { kind: 'tcp', port: probe.tcp.port };
  if (probe?.exec !== undefined) return { kind: 'exec', command: probe.exec.command };
  return undefined;
}

/** A long name is cut at its beginning: the number of the replica is at its end. */
function hostnameFrom(name: string): string {
  return name.replaceAll('.', '-').slice(-LONGEST_HOSTNAME).replace(/^-+/, '');
}
