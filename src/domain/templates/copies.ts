/** Between how many hosts and how many a template has copies (`spec.distribution`). */
export interface CopyBounds {
  readonly minCopies: number;
  readonly maxCopies?: number;
}

/** How many copies a template has. */
export interface CopyCounts {
  /** So many hosts are to have it. */
  readonly wanted: number;
  /** So many keep it when nothing needs it there: those for twice the weight, so that no copy comes and goes with each appliance. */
  readonly kept: number;
}

/**
 * "The higher a template's popularity or importance degree, the more copies" (SO-MVDS 3): log2(1 + weight), rounded, within the
 * bounds. One appliance makes one copy, two make 2, five 3, eleven 4; each doubling one more.
 * @param weight popularity × importance
 */
export function copyCounts(weight: number, bounds: CopyBounds): CopyCounts {
  return { wanted: copiesFor(weight, bounds), kept: copiesFor(2 * weight, bounds) };
}

function copiesFor(weight: number, { minCopies, maxCopies = Number.POSITIVE_INFINITY }: CopyBounds): number {
  return Math.min(maxCopies, Math.max(minCopies, Math.round(Math.log2(1 + Math.max(0, weight)))));
}

/** A host that may have a copy. */
export interface CopyHost {
  readonly name: string;
  /** Hosts of one group are likely to be lost together. */
  readonly group?: string;
  /** `begun`: it has a part, or has it no longer sound. */
  readonly copy: 'whole' | 'begun' | 'none';
  /** Whether an appliance, or a layer on it, needs the copy there. */
  readonly isNeeded: boolean;
}

/**
 * The further hosts that should get a copy: those that have begun first, since their source may have gone; then from the groups with
 * the fewest copies, each in the order given.
 * @param hosts in placement's order
 */
export function hostsToAdd(hosts: readonly CopyHost[], wanted: number): readonly string[] {
  const missing = wanted - hosts.filter(({ copy }) => copy === 'whole').length;
  const chosen = hosts.filter(({ copy }) => copy === 'begun').slice(0, Math.max(0, missing));
  const rest = hosts.filter(({ copy }) => copy === 'none');
  const copies = countByGroup([...hosts.filter(({ copy }) => copy === 'whole'), ...chosen]);
  while (chosen.length < missing && rest.length > 0) {
    const fewest = Math.min(...rest.map(({ group }) => copies.get(group) ?? 0));
    const next = rest.findIndex(({ group }) => (copies.get(group) ?? 0) === fewest);
    const [host] = rest.splice(next, 1) as [CopyHost];
    copies.set(host.group, fewest + 1);
    chosen.push(host);
  }
  return chosen.map(({ name }) => name);
}

/**
 * The hosts whose whole copies are more than enough, one of which always stays: from the groups with the most copies, those last in
 * the order given first. What is needed where it is stays.
 * @param hosts in placement's order
 */
export function surplusHosts(hosts: readonly CopyHost[], kept: number): readonly string[] {
  const whole = hosts.filter(({ copy }) => copy === 'whole');
  const free = whole.filter(({ isNeeded }) => !isNeeded).reverse();
  const copies = countByGroup(whole);
  const surplus: string[] = [];
  while (free.length > 0 && whole.length - surplus.length > Math.max(1, kept)) {
    const most = Math.max(...free.map(({ group }) => copies.get(group) ?? 0));
    const next = free.findIndex(({ group }) => (copies.get(group) ?? 0) === most);
    const [host] = free.splice(next, 1) as [CopyHost];
    copies.set(host.group, most - 1);
    surplus.push(host.name);
  }
  return surplus;
}

function countByGroup(hosts: readonly CopyHost[]): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const { group } of hosts) counts.set(group, (counts.get(group) ?? 0) + 1);
  return counts;
}
