import type { CreationTime } from './prediction.ts';

/** A running mean of measured times. */
export interface Mean {
  readonly samples: number;
  readonly time: CreationTime;
}

/** Running means (SO-MVDS 4.1): template → host → how long an appliance of the template takes there. */
export type TemplateTimes = ReadonlyMap<string, ReadonlyMap<string, Mean>>;

/**
 * The means with one more measurement.
 * @throws RangeError for a time that is not finite or is negative
 */
export function recordTime(
  times: TemplateTimes,
  template: string,
  host: string,
  time: CreationTime,
): TemplateTimes {
  const hosts = times.get(template) ?? new Map<string, Mean>();
  return new Map(times).set(
    template,
    new Map(hosts).set(host, updateMean(hosts.get(host) ?? nothingMeasured, time)),
  );
}

/** The mean of no samples. */
export const nothingMeasured: Mean = { samples: 0, time: { leadSeconds: 0, turnSeconds: 0, tailSeconds: 0 } };

/** A running mean with one more sample; earlier samples need not be kept. */
export function updateMean(before: Mean, time: CreationTime): Mean {
  const samples = before.samples + 1;
  const updated = eachPart((part) => {
    const [mean, seconds] = [before.time[part], time[part]];
    if (!Number.isFinite(seconds) || seconds < 0) throw new RangeError(`${seconds} is not a time in seconds`);
    return mean + (seconds - mean) / samples;
  });
  return { samples, time: updated };
}

/**
 * How long an appliance of the template may take on the host: the mean of what was measured there; else the mean over all hosts;
 * else undefined, since a time that was never measured is not guessed.
 */
export function expectedTime(times: TemplateTimes, template: string, host: string): CreationTime | undefined {
  const hosts = times.get(template);
  const here = hosts?.get(host);
  if (hosts === undefined || here !== undefined) return here?.time;
  const all = [...hosts.values()];
  const samples = all.reduce((sum, mean) => sum + mean.samples, 0);
  if (samples === 0) return undefined;
  return eachPart((part) => all.reduce((sum, mean) => sum + mean.time[part] * mean.samples, 0) / samples);
}

function eachPart(secondsOf: (part: keyof CreationTime) => number): CreationTime {
  return {
    leadSeconds: secondsOf('leadSeconds'),
    turnSeconds: secondsOf('turnSeconds'),
    tailSeconds: secondsOf('tailSeconds'),
  };
}
