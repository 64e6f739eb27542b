import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { problemFor } from '../daemons/layer-problem.ts';
import { type HostView, layerKey } from '../daemons/view.ts';
import { filesOf, type Layer } from '../objects/template-layers.ts';
import type { CopyFailure } from '../obstacles/templates.ts';
import type { KnownHost } from './known-layers.ts';

/** Which hosts have the files of a template. */
export interface Copies {
  /** Hosts that have all files complete. */
  readonly ready: readonly string[];
  /** Hosts that have all files, or are fetching them. */
  readonly holding: readonly string[];
  readonly failures: readonly CopyFailure[];
  /** What a host found on its disk that no firmware can boot; undefined when it can, or when no host has looked. */
  readonly unbootable: string | undefined;
  /** Size of the disk that a guest sees, in bytes, once a host has it. */
  readonly virtualBytes: number | undefined;
}

/**
 * Finds a template's copies in what the hosts last reported. A host that has only some of the files has them from another
 * template, and never tried to fetch the rest.
 */
export function copiesOf(template: Template, hosts: readonly KnownHost[]): Copies {
  const keys = keysOf(template);
  const disk = layerKey({ sha256: template.spec.source.image?.sha256 ?? '', kind: 'disk' });
  const having = keys.length === 0 ? [] : hosts.filter((host) => holdsAll(host, keys));
  const disks = hosts.flatMap(({ layers }) => layers.get(disk) ?? []);
  const unbootable = disks.find(({ bootable }) => bootable === false);
  const ready = having.filter(({ layers }) => keys.every((key) => layers.get(key)?.state === 'Ready'));
  return {
    ready: ready.map(({ name }) => name).sort(),
    holding: having.map(({ name }) => name).sort(),
    failures: having.flatMap((host) => failureOn(host, keys, keyOf(template))),
    unbootable: unbootable && (unbootable.content ?? 'nothing known'),
    virtualBytes: disks.map(({ virtualBytes }) => virtualBytes).find((bytes) => bytes !== undefined),
  };
}

function keysOf(template: Template): readonly string[] {
  return filesOf(template).map(([sha256, { kind }]) => layerKey({ sha256, kind }));
}

function holdsAll({ layers }: Pick<KnownHost, 'layers'>, keys: readonly string[]): boolean {
  return keys.every((key) => layers.has(key));
}

function failureOn({ name, layers }: KnownHost, keys: readonly string[], template: string): CopyFailure[] {
  const held = keys.flatMap((key) => layers.get(key) ?? []);
  const [failure] = held.flatMap((layer) => {
    const problem = problemFor(layer, template);
    // As long as the layer itself has not failed, another template's source may still give it.
    const isFinal = problem?.retryAt === undefined && layer.state === 'Failed';
    return problem === undefined ? [] : [{ ...problem, isFinal }];
  });
  if (failure === undefined) return [];
  const { reason, message, isFinal } = failure;
  return [{ host: name, reason, message, isFinal }];
}

/** How many hosts try an address that is the same for all before it is not tried on more. */
const ENOUGH_HOSTS = 3;

/**
 * The further hosts that should fetch a template before an appliance needs it, so that one host has judged it, and `minCopies` hosts
 * have it: those with the most free memory first, then by name.
 * @param usable hosts that accept appliances
 * @param copies those on all hosts, and undefined while that is not known
 */
export function hostsToCopyTo(
  template: Template,
  usable: readonly HostView[],
  copies: Copies | undefined,
): HostView[] {
  const { mode, minCopies } = template.spec.distribution;
  const keys = keysOf(template);
  const others = usable.filter((view) => !holdsAll(view, keys));
  const missing = mode === 'Copy' ? minCopies - (usable.length - others.length) : 0;
  const forJudgement = copies !== undefined && needsAnotherHost(template, copies) ? 1 : 0;
  others.sort((a, b) => freeBytes(b) - freeBytes(a) || (a.name < b.name ? -1 : 1));
  return others.slice(0, Math.max(missing, forJudgement));
}

/** Whether no host has the template, and another one may: a `file:` address is another file on every host. */
function needsAnotherHost({ spec }: Template, { holding, failures }: Copies): boolean {
  if (failures.length < holding.length) return false;
  if (spec.source.image?.url.startsWith('file:') === true || holding.length === 0) return true;
  return holding.length < ENOUGH_HOSTS && failures.some(({ isFinal }) => !isFinal);
}

function freeBytes({ status }: HostView): number {
  return status === undefined ? 0 : status.capacity.memoryBytes - status.used.memoryBytes;
}

/**
 * The hosts that have a file of the template, and know other sources of it than these: a template that names it came, changed or
 * went. Where nobody shares a file, who needs it asks for it.
 * @param layer with the sources that all templates name
 */
export function hostsToTell([sha256, desired]: Layer, views: readonly HostView[]): readonly HostView[] {
  const { kind, template, others = [] } = desired;
  const wanted = new Set([template, ...others.map((other) => other.template)]);
  return views.filter(({ layers }) => {
    const sources = layers.get(layerKey({ sha256, kind }))?.sources;
    if (sources === undefined) return false;
    const known = new Set(sources.map((source) => source.template));
    return others.length > 0 || known.size !== wanted.size || !known.has(template);
  });
}
