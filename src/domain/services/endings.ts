import type { GuestScript } from './actions.ts';

/** How a service's program, which is started again whenever it ends, has ended. */
export interface Endings {
  /** Since the service was started. */
  readonly count: number;
  readonly exitCode: number;
  /** The end of what it printed before it last ended. */
  readonly output: string;
}

/** $1 service. Prints how often the program has ended and its last exit code, then the end of its output; nothing when it has not. */
export const ENDINGS: GuestScript = {
  title: 'ask how the service ended',
  timeoutSeconds: 30,
  text: `ended=/run/coppice/$1.ended log=/var/log/coppice-$1.log
[ -f "$ended" ] || exit 0
[ -f "$log" ] || log=/run/coppice/$1.log
b cat "$ended"
b tail -c 4096 "$log"
`,
};

/** Reads what {@link ENDINGS} printed; undefined when the program has not ended. */
export function parseEndings(printed: string): Endings | undefined {
  const [first = '', ...lines] = printed.split('\n');
  const [count = 0, exitCode = Number.NaN] = first.split(' ').map(Number);
  if (!(count > 0) || Number.isNaN(exitCode)) return undefined;
  return { count, exitCode, output: ofLastRun(lines).join('\n').trim() };
}

/** The lines between the last two endings that the supervisor logged, as far as they are there. */
function ofLastRun(lines: readonly string[]): readonly string[] {
  const isEnding = (line: string) => line.startsWith('coppice: the service ended with status ');
  const last = lines.findLastIndex(isEnding);
  if (last === -1) return lines;
  return lines.slice(lines.slice(0, last).findLastIndex(isEnding) + 1, last);
}
