import type { Template } from '../../src/api/kinds.ts';
import { parseDuration } from '../../src/domain/duration.ts';
import { type CopyCounts, copyCounts } from '../../src/domain/templates/copies.ts';
import { popularityAt } from '../../src/domain/templates/popularity.ts';

/**
 * How many hosts are to have a template, and how many may keep it, by how often it is used.
 * @param now milliseconds since the epoch
 */
export function countsOf({ spec, status }: Template, now: number): CopyCounts {
  const { importance, minCopies, maxCopies, popularityHalfLife } = spec.distribution;
  const popularity = popularityAt(status?.popularity, now, parseDuration(popularityHalfLife));
  const bounds = { minCopies, ...(maxCopies === undefined ? {} : { maxCopies }) };
  return copyCounts(popularity * importance, bounds);
}
