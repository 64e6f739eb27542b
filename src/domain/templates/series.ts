import { type Order, versionOrder } from './version.ts';

/** A template as a candidate of its series (SO-MVDS 3.3). */
export interface SeriesTemplate {
  /** Unique: namespace/name. */
  readonly key: string;
  readonly version: string;
  /** Whether appliances can be created from it now. */
  readonly ready: boolean;
  /** When an appliance was last created from it, in milliseconds since the epoch; undefined: never. */
  readonly lastUsedMs?: number;
}

/**
 * What a service requests of a series. Without version and policy: "choose the most recently used template, otherwise the newest
 * version".
 */
export interface SeriesRequest {
  readonly version?: string;
  readonly policy?: 'Pinned' | 'Newest';
}

export type SeriesChoice<T> =
  /** `why` completes a sentence: "the most recently used of …". */
  | { readonly chosen: T; readonly why: string }
  | {
      readonly chosen: null;
      readonly reason: 'NoSuchTemplate' | 'TemplateNotReady';
      readonly message: string;
    };

/**
 * Chooses a template of a series (SO-MVDS 3.3): one of the requested version, if there is such a request; the newest under policy
 * Newest; else the most recently used; else, if none was ever used, the newest. Ties go to the newer version, then to the first
 * key. Templates that are not ready are skipped.
 * @param series what messages call it
 * @param templates those of the series that the service may use
 */
export function chooseFromSeries<T extends SeriesTemplate>(
  series: string,
  templates: readonly T[],
  { version, policy }: SeriesRequest,
): SeriesChoice<T> {
  const candidates = version === undefined ? templates : templates.filter((one) => one.version === version);
  const byVersion = versionOrder(templates.map((one) => one.version));
  const order = policy === 'Newest' ? newestFirst(byVersion) : mostRecentlyUsedFirst(byVersion);
  const usable = candidates.filter((one) => one.ready).sort(order);
  const [chosen] = usable;
  if (chosen !== undefined)
    return { chosen, why: reasonFor(chosen, series, usable.length, { version, policy }) };
  const wanted = version === undefined ? `series ${series}` : `version ${version} of series ${series}`;
  if (candidates.length === 0) {
    const known = [...new Set(templates.map((one) => one.version))].sort(byVersion);
    const hint =
      known.length === 0 ? 'create one, or share one with this namespace' : `there is ${known.join(', ')}`;
    return {
      chosen: null,
      reason: 'NoSuchTemplate',
      message: `no template of ${wanted} can be used: ${hint}`,
    };
  }
  const waiting = candidates.map((one) => one.key).sort();
  return {
    chosen: null,
    reason: 'TemplateNotReady',
    message: `no template of ${wanted} is ready yet: waiting for ${waiting.join(', ')}`,
  };
}

function reasonFor(
  { lastUsedMs }: SeriesTemplate,
  series: string,
  count: number,
  { version, policy }: SeriesRequest,
): string {
  if (version !== undefined) return `version ${version} of series ${series}, as requested`;
  const among = `of ${count} usable in series ${series}`;
  if (policy === 'Newest') return `the newest ${among}, by policy Newest`;
  if (lastUsedMs === undefined) return `the newest ${among}, of which none was used yet`;
  return `the most recently used ${among} (${new Date(lastUsedMs).toISOString().slice(0, 19)}Z)`;
}

type Compare = (a: SeriesTemplate, b: SeriesTemplate) => number;

function mostRecentlyUsedFirst(byVersion: Order): Compare {
  const byAge = newestFirst(byVersion);
  return (a, b) => {
    const used = (b.lastUsedMs ?? Number.NEGATIVE_INFINITY) - (a.lastUsedMs ?? Number.NEGATIVE_INFINITY);
    return Number.isNaN(used) || used === 0 ? byAge(a, b) : used;
  };
}

function newestFirst(byVersion: Order): Compare {
  return (a, b) => byVersion(b.version, a.version) || (a.key < b.key ? -1 : 1);
}
