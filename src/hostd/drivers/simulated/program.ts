import type { Clock } from '../../../base/clock.ts';
import type { ProgramStreams } from '../../guest/guest.ts';

const LONGEST_PAUSE_MS = 250;

/** A program that prints its input, as `cat` does, and succeeds. */
export async function repeatInput(
  { input, output, changed }: ProgramStreams,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    const data = output.full ? undefined : input?.take();
    if (data !== undefined) output.write('stdout', data);
    else if (!output.full && (input === undefined || input.ended)) return 0;
    else await changed.pause(LONGEST_PAUSE_MS, clock, signal);
  }
}
