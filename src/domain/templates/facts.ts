import { FACTS_PREFIX } from '../../api/labels.ts';
import { guestTypeOf } from '../guest-type.ts';
import { formatBytes, parseBytes, QuantityError } from '../quantity.ts';
import type { WholeTemplate } from './inherit.ts';

/** What Kubernetes takes as the value of a label. */
const LABEL_VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const SMALLEST_CLASS = 1024 ** 2;

/**
 * What a template's spec and status, and those of its parents, tell of it, as Kubernetes labels (SO-MVDS 3.2: "resource capacities", "software environments").
 * A fact that is unknown, or that no label can hold, is left out.
 */
export function factsOf({ spec, status }: WholeTemplate): Record<string, string> {
  const { guest, container, series, version } = spec;
  const facts = {
    series,
    version,
    os: guest.os,
    boot: guest.boot === undefined ? 'disk' : 'kernel',
    firmware: guest.firmware,
    init: guest.init ?? 'none',
    // Who sets an address of a pool; without one it is DHCP.
    'network-setup': guest.init === 'cloud-init' ? 'cloud-init' : 'agent',
    'xen-type': guestTypeOf(guest.boot !== undefined, guest.xen),
    'minimum-memory': guest.minimumMemory,
    container: container.type,
    'container-name': container.name,
    port: container.port,
    depth: status?.depth,
    'virtual-size-up-to': sizeClass(status?.virtualSize),
  };
  const known = Object.entries(facts).filter(
    ([, value]) => value !== undefined && LABEL_VALUE.test(String(value)),
  );
  return Object.fromEntries(known.map(([name, value]) => [`${FACTS_PREFIX}${name}`, String(value)]));
}

/** The labels of an object that say facts, by the facts' short names. */
export function factLabels(labels: Readonly<Record<string, string>> | undefined): Map<string, string> {
  const ours = Object.entries(labels ?? {}).filter(([key]) => key.startsWith(FACTS_PREFIX));
  return new Map(ours.map(([key, value]) => [key.slice(FACTS_PREFIX.length), value]));
}

/** The smallest power of two, from 1Mi on, that is not less: by it, templates of about one size are found together. */
function sizeClass(size: string | undefined): string | undefined {
  if (size === undefined) return undefined;
  try {
    const bytes = parseBytes(size);
    let limit = SMALLEST_CLASS;
    while (limit < bytes) limit *= 2;
    return formatBytes(limit);
  } catch (error) {
    // A status may have been written by an older version, or by hand.
    if (error instanceof QuantityError) return undefined;
    throw error;
  }
}
