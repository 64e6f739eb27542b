/** What every benchmark is made of: its interface, interleaved repetitions, and the statistics that count. */

/**
 * A measured value with what it should be. Both sides of a ratio are measured in one run, as machines differ
 * and drift.
 */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  readonly aim: number;
  /** `less`: the aim is reached at or below it; `more`: at or above it. */
  readonly better: 'less' | 'more';
  /** Everything that the value was computed from, and how. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface BenchContext {
  /** Tells a person what is going on; not part of the result. */
  readonly log: (line: string) => void;
  /** Seconds on a monotonic clock. */
  readonly now: () => number;
}

export interface Benchmark {
  readonly name: string;
  /** One line for `--list`. */
  readonly description: string;
  run(context: BenchContext): Promise<readonly Ratio[]>;
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max − min) / median: how far the median can be trusted. */
  readonly spread: number;
  readonly samples: readonly number[];
}

/** @throws RangeError without samples */
export function summarise(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  const [min] = sorted;
  const max = sorted.at(-1);
  if (upper === undefined || lower === undefined || min === undefined || max === undefined) {
    throw new RangeError('no samples to summarise');
  }
  const median = (lower + upper) / 2;
  return { median, min, max, spread: median === 0 ? 0 : (max - min) / median, samples };
}

/** What one side's work leaves: what clears up after it, untimed, and its own time where that is not the work's whole. */
export interface Work {
  readonly clearUp: () => Promise<void>;
  readonly seconds?: number;
}

/** One side of a comparison: does its work once, and is timed. */
export type Side = (repetition: number) => Promise<Work | undefined> | Work | undefined;

/** Runs each side once, untimed: what only a first run does, such as to compile, is not what is compared. */
export async function warmUp(sides: Readonly<Record<string, Side>>): Promise<void> {
  for (const side of Object.values(sides)) await (await side(0))?.clearUp();
}

/**
 * Runs all sides in turn, again and again, so that whatever else the machine does meets all of them; every
 * second turn runs backwards, so that no side always comes first. Returns the seconds of each side.
 */
export async function interleave<Name extends string>(
  context: BenchContext,
  repetitions: number,
  sides: Readonly<Record<Name, Side>>,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(sides) as Name[];
  const seconds = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const name of repetition % 2 === 0 ? names : names.toReversed()) {
      const start = context.now();
      const work = await sides[name](repetition);
      const elapsed = work?.seconds ?? context.now() - start;
      seconds[name].push(elapsed);
      await work?.clearUp();
      context.log(`repetition ${repetition + 1} of ${repetitions}: ${name} ${elapsed.toFixed(3)} s`);
    }
  }
  return seconds;
}

export function reachesAim({ value, aim, better }: Ratio): boolean {
  return better === 'less' ? value <= aim : value >= aim;
}
