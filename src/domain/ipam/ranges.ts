/** Addresses from `start` to `end`, both included. */
export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** The same addresses in as few ranges as possible, in ascending order. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: Range[] = [];
  for (const range of [...ranges].sort((a, b) => (a.start < b.start ? -1 : 1))) {
    const last = merged.at(-1);
    if (last === undefined || range.start > last.end + 1n) merged.push(range);
    else if (range.end > last.end) merged[merged.length - 1] = { start: last.start, end: range.end };
  }
  return merged;
}

/** Merged ranges without the given addresses. */
export function withoutAddresses(ranges: readonly Range[], addresses: Iterable<bigint>): Range[] {
  const ascending = [...new Set(addresses)].sort((a, b) => (a < b ? -1 : 1));
  return ranges.flatMap(({ start, end }) => {
    const parts: Range[] = [];
    let from = start;
    for (const address of ascending) {
      if (address < from || address > end) continue;
      if (address > from) parts.push({ start: from, end: address - 1n });
      from = address + 1n;
    }
    return from <= end ? [...parts, { start: from, end }] : parts;
  });
}

/** How many addresses merged ranges have. */
export function countAddresses(ranges: readonly Range[]): bigint {
  return ranges.reduce((sum, { start, end }) => sum + end - start + 1n, 0n);
}

export function includesAddress(ranges: readonly Range[], value: bigint): boolean {
  return ranges.some(({ start, end }) => start <= value && value <= end);
}

/** The addresses that two lists of merged ranges have in common. */
export function commonRanges(left: readonly Range[], right: readonly Range[]): Range[] {
  return left.flatMap((a) =>
    right
      .filter((b) => a.start <= b.end && b.start <= a.end)
      .map((b) => ({
        start: includesAddress([b], a.start) ? a.start : b.start,
        end: includesAddress([b], a.end) ? a.end : b.end,
      })),
  );
}

/** Every address of merged ranges once: from the one at `position` to the last, then from the first on. */
export function* addressesFrom(ranges: readonly Range[], position: bigint): Generator<bigint> {
  let skip = position;
  const later: Range[] = [];
  for (const { start, end } of ranges) {
    const size = end - start + 1n;
    if (skip >= size) {
      later.push({ start, end });
      skip -= size;
      continue;
    }
    for (let value = start + skip; value <= end; value += 1n) yield value;
    if (skip > 0n) later.push({ start, end: start + skip - 1n });
    skip = 0n;
  }
  for (const { start, end } of later) for (let value = start; value <= end; value += 1n) yield value;
}
