import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { containsJson, isSameJson } from '../../src/base/equality.ts';
import { parseBytes, parseCpu } from '../../src/domain/quantity.ts';
import { VM_PARTS, type VmPart } from '../../src/domain/vm-shape.ts';
import { readAmount } from '../objects/amounts.ts';
import { networkMode } from '../objects/appliance.ts';
import type { Service } from './services.ts';
import type { WantedAppliance, WantedSpec } from './wanted.ts';

/** What to do so that an appliance becomes as its task wants it. */
export type Difference = 'none' | 'relabel' | 'update' | 'replace';

/**
 * Compares an appliance with what is wanted. A change of the VM itself (template, network, mode of the disk) takes a new
 * appliance; everything else is changed in place. Labels mean nothing to us: overwritten ones are only put back. The comparison uses the appliance's own spec, which is what it was created with.
 */
export function differenceOf({ metadata, spec }: VirtualAppliance, wanted: WantedAppliance): Difference {
  if (changedParts({ metadata, spec }, wanted).length > 0) return 'replace';
  const next = changeable(spec, wanted.spec);
  const isSame = isSameJson(normal({ ...spec, ...next }), normal(spec));
  if (!isSame) return 'update';
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
    const found = differenceOf(appliance, wanted);
    const difference = found === 'update' && service.strategy === 'Replace' ? 'replace' : found;
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
    spec: { ...spec, ...changeable(spec, wanted.spec) },
  };
}

/** How the parts that shape a VM compare: a namespace or a mode that is named and its default are the same VM. */
const COMPARABLE: {
  readonly [Part in VmPart]: (part: WantedSpec[Part], namespace: string | undefined) => unknown;
} = {
  template: ({ name, namespace }, own) => ({ name, namespace: namespace ?? own }),
  network: (network) => ({ ...network, mode: networkMode(network) }),
  disk: ({ mode }) => mode,
};

/** Amounts in normal form: "1" and "1000m" are the same VM. */
function sizeOf({ resources: { cpu, memory }, disk: { size, data } }: WantedSpec): unknown {
  return {
    cpuMillis: comparable(cpu, parseCpu),
    memoryBytes: comparable(memory, parseBytes),
    diskBytes: size === undefined ? undefined : comparable(size, parseBytes),
    dataBytes: data === undefined ? undefined : comparable(data.size, parseBytes),
  };
}

/** An amount that is none equals only itself, so that an appliance that has one is replaced once its task has a good one. */
function comparable(amount: string | number, parse: (amount: string | number) => number): number | string {
  const read = readAmount('', amount, parse);
  return typeof read === 'number' ? read : String(amount);
}

/** The parts that only a new VM can have otherwise. */
export function changedParts(
  { metadata, spec }: Pick<VirtualAppliance, 'metadata' | 'spec'>,
  wanted: WantedAppliance,
): readonly VmPart[] {
  const partOf = <Part extends VmPart>(part: Part, of: WantedSpec) =>
    COMPARABLE[part](of[part], metadata.namespace);
  return VM_PARTS.filter((part) => !isSameJson(partOf(part, spec), partOf(part, wanted.spec)));
}

type Changeable = {
  // Appliances of tasks build nothing; that the memory of one can be saved is its user's wish.
  readonly [F in Exclude<
    keyof Required<WantedSpec>,
    Exclude<VmPart, 'disk'> | 'build' | 'capturable'
  >]: WantedSpec[F];
};

/** The wanted value of all else; the compiler refuses to leave a field out. A disk that is larger already stays as large. */
function changeable(now: WantedSpec, wanted: WantedSpec): Changeable {
  const { service, parameters, placement, resources, start, onHostFailure, timeouts } = wanted;
  const rest = { service, package: wanted.package, parameters, placement, start, onHostFailure, timeouts };
  const { size, data } = wanted.disk;
  const disk = {
    ...now.disk,
    ...(isLarger(size, now.disk.size) ? { size } : {}),
    ...(isLarger(data?.size, now.disk.data?.size) ? { data } : {}),
  };
  return { ...rest, resources, disk };
}

type Amount = string | number | undefined;

function isLarger(size: Amount, now: Amount): boolean {
  const bytes = (amount: Amount) => (amount === undefined ? 0 : readAmount('disk.size', amount, parseBytes));
  const [before, after] = [bytes(now), bytes(size)];
  return typeof after === 'number' && (typeof before !== 'number' || after > before);
}

/** What can change in place, as it compares. */
function normal(spec: WantedSpec): unknown {
  const { resources: _, disk: __, ...rest } = changeable(spec, spec);
  return { ...rest, size: sizeOf(spec) };
}
