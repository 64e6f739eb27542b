/** The running mean of a measured time. */
export interface Mean {
  readonly samples: number;
  readonly seconds: number;
}

/** Running means of t_ij (SO-MVDS 4.1): template, then host, to how long an appliance of it takes there. */
export type TemplateTimes = ReadonlyMap<string, ReadonlyMap<string, Mean>>;

/**
 * The means with one more measurement.
 * @throws RangeError for a time that is not finite or is negative
 */
export function recordTime(
  times: TemplateTimes,
  template: string,
  host: string,
  seconds: number,
): TemplateTimes {
  const hosts = times.get(template) ?? new Map<string, Mean>();
  return new Map(times).set(template, new Map(hosts).set(host, updateMean(hosts.get(host), seconds)));
}

/** A running mean with one more sample, without the samples before it having been kept. */
export function updateMean(mean: Mean | undefined, seconds: number): Mean {
  if (!Number.isFinite(seconds) || seconds < 0) {
    throw new RangeError(`${seconds} is not a time in seconds`);
  }
  const before = mean ?? { samples: 0, seconds: 0 };
  const samples = before.samples + 1;
  return { samples, seconds: before.seconds + (seconds - before.seconds) / samples };
}

/**
 * How long an appliance of the template may take on the host: what was measured there, else the mean of the
 * template over all hosts, else undefined: what was never measured is not guessed.
 */
export function expectedSeconds(times: TemplateTimes, template: string, host: string): number | undefined {
  const hosts = times.get(template);
  const here = hosts?.get(host);
  if (hosts === undefined || here !== undefined) return here?.seconds;
  const all = [...hosts.values()];
  const samples = all.reduce((sum, mean) => sum + mean.samples, 0);
  return samples === 0
    ? undefined
    : all.reduce((sum, mean) => sum + mean.seconds * mean.samples, 0) / samples;
}
