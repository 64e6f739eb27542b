import type { Template } from '../../src/api/kinds.ts';
import type { HostView } from '../daemons/view.ts';
import { digestsOf } from '../objects/template-layers.ts';

/** How the files of a template stand on the hosts. */
export interface Copies {
  /** Hosts that hold all of them whole. */
  readonly ready: readonly string[];
  /** Hosts that hold, or fetch, all of them. */
  readonly holding: readonly string[];
  readonly failures: readonly CopyFailure[];
  /** Size of the disk that a guest sees, in bytes, once a host has it. */
  readonly virtualBytes: number | undefined;
}

/** Why a host has no copy. */
export interface CopyFailure {
  readonly host: string;
  readonly reason: string;
  readonly message: string;
}

/**
 * Reads off the hosts' last words where a template is. A host that has some of its files only has them from another template:
 * whether the others can be had, it never tried.
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
 * On which further hosts a template is to be copied before anybody asks for it there: so that `minCopies` hosts hold it, those
 * with most memory free first, then by name.
 * @param usable hosts to which appliances may go
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
