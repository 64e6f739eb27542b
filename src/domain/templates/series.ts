import { compareVersions } from './version.ts';

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
  | { readonly chosen: T }
  | {
      readonly chosen: null;
      readonly reason: 'NoSuchTemplate' | 'TemplateNotReady';
      readonly message: string;
    };

/**
 * Chooses a template of a series (SO-MVDS 3.3): one of the requested version, if there is such a request; the newest under policy
 * Newest; else the most recently used; else, if none was ever used, the newest. Ties go to the newer version, then to the first
 * key. Templates that are not ready are skipped.
 * @param templates those of the series that the service may use
 */
export function chooseFromSeries<T extends SeriesTemplate>(
  series: string,
  templates: readonly T[],
  { version, policy }: SeriesRequest,
): SeriesChoice<T> {
  const candidates = version === undefined ? templates : templates.filter((one) => one.version === version);
  const order = policy === 'Newest' ? newestFirst : mostRecentlyUsedFirst;
  const [chosen] = candidates.filter((one) => one.ready).sort(order);
  if (chosen !== undefined) return { chosen };
  const wanted = version === undefined ? `series ${series}` : `version ${version} of series ${series}`;
  if (candidates.length === 0) {
    const known = [...new Set(templates.map((one) => one.version))].sort(compareVersions);
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

function mostRecentlyUsedFirst(a: SeriesTemplate, b: SeriesTemplate): number {
  const used = (b.lastUsedMs ?? Number.NEGATIVE_INFINITY) - (a.lastUsedMs ?? Number.NEGATIVE_INFINITY);
  return Number.isNaN(used) || used === 0 ? newestFirst(a, b) : used;
}

function newestFirst(a: SeriesTemplate, b: SeriesTemplate): number {
  return compareVersions(b.version, a.version) || (a.key < b.key ? -1 : 1);
}
