import type { Template } from '../../src/api/kinds.ts';
import type { HostView } from '../daemons/view.ts';
import { digestsOf } from '../objects/template-layers.ts';
import type { CopyFailure } from '../obstacles/templates.ts';

/** Which hosts have the files of a template. */
export interface Copies {
  /** Hosts that have all files complete. */
  readonly ready: readonly string[];
  /** Hosts that have all files, or are fetching them. */
  readonly holding: readonly string[];
  readonly failures: readonly CopyFailure[];
  /** Size of the disk that a guest sees, in bytes, once a host has it. */
  readonly virtualBytes: number | undefined;
}

/**
 * Finds a template's copies in what the hosts last reported. A host that has only some of the files has them from another
 * template, and never tried to fetch the rest.
 */
export function copiesOf(template: Template, views: readonly HostView[]): Copies {
  const digests = digestsOf(template);
  const disk = template.spec.source.image?.sha256 ?? '';
  const having = digests.length === 0 ? [] : views.filter((view) => holdsAll(view, digests));
  const ready = having.filter(({ layers }) =>
    digests.every((digest) => layers.get(digest)?.state === 'Ready'),
  );
  return {
    ready: ready.map(({ name }) => name).sort(),
    holding: having.map(({ name }) => name).sort(),
    failures: having.flatMap((view) => failureOn(view, digests)),
    virtualBytes: views
      .map(({ layers }) => layers.get(disk)?.virtualBytes)
      .find((bytes) => bytes !== undefined),
  };
}

function holdsAll({ layers }: HostView, digests: readonly string[]): boolean {
  return digests.every((digest) => layers.has(digest));
}

function failureOn({ name, layers }: HostView, digests: readonly string[]): CopyFailure[] {
  const problem = digests.map((digest) => layers.get(digest)?.problem).find((one) => one !== undefined);
  return problem === undefined ? [] : [{ host: name, reason: problem.reason, message: problem.message }];
}

/**
 * The further hosts that should fetch a template before an appliance needs it, so that `minCopies` hosts have it: those with
 * the most free memory first, then by name.
 * @param usable hosts that accept appliances
 */
export function hostsToCopyTo(template: Template, usable: readonly HostView[]): HostView[] {
  const { mode, minCopies } = template.spec.distribution;
  if (mode !== 'Copy') return [];
  const digests = digestsOf(template);
  const others = usable.filter((view) => !holdsAll(view, digests));
  const missing = minCopies - (usable.length - others.length);
  others.sort((a, b) => freeBytes(b) - freeBytes(a) || (a.name < b.name ? -1 : 1));
  return others.slice(0, Math.max(0, missing));
}

function freeBytes({ status }: HostView): number {
  return status === undefined ? 0 : status.capacity.memoryBytes - status.used.memoryBytes;
}
