import { CONDITION_READY, isConditionTrue } from '../../src/api/conditions.ts';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { containsJson, isSameJson } from '../../src/base/equality.ts';
import { parseBytes, parseCpu } from '../../src/domain/quantity.ts';
import { networkMode } from '../objects/appliance.ts';
import type { Service, WantedAppliance, WantedSpec } from './wanted.ts';

/** What to do so that an appliance becomes as its task wants it. */
export type Difference = 'none' | 'update' | 'replace';

/**
 * Compares an appliance with what is wanted. A change of the VM itself (template, resources, network, disk) takes a new
 * appliance; everything else is changed in place. The comparison uses the appliance's own spec, which is what it was created with.
 */
export function differenceOf({ metadata, spec }: VirtualAppliance, wanted: WantedAppliance): Difference {
  if (!isSameJson(shapeOf(spec, metadata.namespace), shapeOf(wanted.spec, metadata.namespace)))
    return 'replace';
  const isUpToDate = isSameJson(changeable(spec), changeable(wanted.spec));
  return isUpToDate && containsJson(metadata.labels ?? {}, wanted.labels) ? 'none' : 'update';
}

/** Remembers the differences of appliances that have not changed, which every reconcile of a task needs. */
export class Differences {
  readonly #known = new WeakMap<VirtualAppliance, Known>();

  /** As {@link differenceOf}; the wanted appliance must follow from the service, the template and the hostname. */
  of(
    appliance: VirtualAppliance,
    wanted: WantedAppliance,
    { service, template }: Pick<Known, 'service' | 'template'>,
  ): Difference {
    const hostname = wanted.spec.parameters?.hostname;
    const known = this.#known.get(appliance);
    if (known?.service === service && known.template === template && known.hostname === hostname)
      return known.difference;
    const difference = differenceOf(appliance, wanted);
    this.#known.set(appliance, { service, template, hostname, difference });
    return difference;
  }
}

/** A difference, and what it was computed from. */
interface Known {
  readonly service: Service;
  readonly template: string;
  readonly hostname: string | undefined;
  readonly difference: Difference;
}

/** Whether its service answers, according to the latest spec. */
export function isAvailable({ metadata, status }: VirtualAppliance): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    isConditionTrue(status?.conditions, CONDITION_READY, metadata.generation)
  );
}

/** The same appliance, with the wanted value of every field that can change in place. */
export function updated(appliance: VirtualAppliance, wanted: WantedAppliance): VirtualAppliance {
  const { metadata, spec } = appliance;
  return {
    ...appliance,
    metadata: { ...metadata, labels: { ...metadata.labels, ...wanted.labels } },
    spec: { ...spec, ...changeable(wanted.spec) },
  };
}

/** The fields that shape the VM, normalised: "1" is "1000m", and a default namespace or mode is the same as one that is named. */
function shapeOf({ template, resources, network, disk }: WantedSpec, namespace: string | undefined): unknown {
  return {
    template: { name: template.name, namespace: template.namespace ?? namespace },
    cpuMillis: parseCpu(resources.cpu),
    memoryBytes: parseBytes(resources.memory),
    network: { ...network, mode: networkMode(network) },
    disk: { mode: disk.mode, sizeBytes: disk.size === undefined ? undefined : parseBytes(disk.size) },
  };
}

function changeable(spec: WantedSpec) {
  const { service, parameters, placement, start, onHostFailure, timeouts } = spec;
  return { service, package: spec.package, parameters, placement, start, onHostFailure, timeouts };
}
