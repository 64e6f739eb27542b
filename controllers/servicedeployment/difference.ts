import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { containsJson, isSameJson } from '../../src/base/equality.ts';
import { parseBytes, parseCpu } from '../../src/domain/quantity.ts';
import { VM_PARTS, type VmPart } from '../../src/domain/vm-shape.ts';
import { readAmount } from '../objects/amounts.ts';
import { networkMode } from '../objects/appliance.ts';
import type { Service, WantedAppliance, WantedSpec } from './wanted.ts';

/** What to do so that an appliance becomes as its task wants it. */
export type Difference = 'none' | 'relabel' | 'update' | 'replace';

/**
 * Compares an appliance with what is wanted. A change of the VM itself (template, resources, network, disk) takes a new
 * appliance; everything else is changed in place. Labels mean nothing to us: overwritten ones are only put back. The comparison uses the appliance's own spec, which is what it was created with.
 */
export function differenceOf({ metadata, spec }: VirtualAppliance, wanted: WantedAppliance): Difference {
  if (!isSameJson(shapeOf(spec, metadata.namespace), shapeOf(wanted.spec, metadata.namespace)))
    return 'replace';
  if (!isSameJson(changeable(spec), changeable(wanted.spec))) return 'update';
  return containsJson(metadata.labels ?? {}, wanted.labels) ? 'none' : 'relabel';
}

/** Remembers the differences of appliances that have not changed, which every reconcile of a task needs. */
export class Differences {
  readonly #known = new WeakMap<VirtualAppliance, Known>();

  /** As {@link differenceOf}; the wanted appliance must follow from the service, the template, the hostname and the revision. */
  of(
    appliance: VirtualAppliance,
    wanted: WantedAppliance,
    { service, template }: Pick<Known, 'service' | 'template'>,
  ): Difference {
    const hostname = wanted.spec.parameters?.hostname;
    const revision = wanted.spec.package?.configMap?.revision;
    const known = this.#known.get(appliance);
    const isSame =
      known?.service === service &&
      known.template === template &&
      known.hostname === hostname &&
      known.revision === revision;
    if (isSame) return known.difference;
    const difference = differenceOf(appliance, wanted);
    this.#known.set(appliance, { service, template, hostname, revision, difference });
    return difference;
  }
}

/** A difference, and what it was computed from. */
interface Known {
  readonly service: Service;
  readonly template: string;
  readonly hostname: string | undefined;
  readonly revision: string | undefined;
  readonly difference: Difference;
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

/** How the parts that shape a VM compare: "1" and "1000m", a namespace or a mode that is named and its default, are the same VM. */
const COMPARABLE: {
  readonly [Part in VmPart]: (part: WantedSpec[Part], namespace: string | undefined) => unknown;
} = {
  template: ({ name, namespace }, own) => ({ name, namespace: namespace ?? own }),
  resources: ({ cpu, memory }) => ({
    cpuMillis: comparable(cpu, parseCpu),
    memoryBytes: comparable(memory, parseBytes),
  }),
  network: (network) => ({ ...network, mode: networkMode(network) }),
  disk: ({ mode, size }) => ({
    mode,
    sizeBytes: size === undefined ? undefined : comparable(size, parseBytes),
  }),
};

/** An amount that is none equals only itself, so that an appliance that has one is replaced once its task has a good one. */
function comparable(amount: string | number, parse: (amount: string | number) => number): number | string {
  const read = readAmount('', amount, parse);
  return typeof read === 'number' ? read : String(amount);
}

function shapeOf(spec: WantedSpec, namespace: string | undefined): unknown {
  const partOf = <Part extends VmPart>(part: Part) => COMPARABLE[part](spec[part], namespace);
  return VM_PARTS.map((part) => partOf(part));
}

/** All else; the compiler refuses to leave a field out. */
function changeable(spec: WantedSpec): {
  readonly [F in Exclude<keyof Required<WantedSpec>, VmPart>]: WantedSpec[F];
} {
  const { service, parameters, placement, start, onHostFailure, timeouts } = spec;
  return { service, package: spec.package, parameters, placement, start, onHostFailure, timeouts };
}
