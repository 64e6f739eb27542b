import { sleep } from '../../base/clock.ts';
import { askProbe } from './probe.ts';
import type { Scope } from './scope.ts';
import type { StateContext } from './state.ts';

/** `fall`: steps run, which find out by themselves when the service answers again. */
type Direction = 'fall' | 'both';

/**
 * Does the work, and meanwhile asks the service that was installed before, by the probe that it passed last: the appliance's
 * status says whether it answers also while a package is fetched, or a failed step waits.
 */
export async function watchingAnswers<Result>(
  scope: Scope,
  context: Pick<StateContext, 'changed'>,
  direction: Direction,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  if (scope.record.current.passedProbe === undefined) return await work();
  const over = new AbortController();
  const watching = watchAnswers(scope, context, direction, AbortSignal.any([signal, over.signal]));
  try {
    return await work();
  } finally {
    over.abort();
    await watching;
  }
}

/** Asks the service once, if it ever answered since its VM's start. */
export async function askService(scope: Scope, signal: AbortSignal): Promise<void> {
  const { passedProbe } = scope.record.current;
  if (passedProbe === undefined) return;
  scope.record.update({ answers: (await askProbe(scope, passedProbe, signal)) === undefined });
}

/** Resolves when the signal is aborted. A service counts as silent after two failed probes in a row. */
async function watchAnswers(
  scope: Scope,
  { changed }: Pick<StateContext, 'changed'>,
  direction: Direction,
  signal: AbortSignal,
): Promise<void> {
  const { host, record } = scope;
  const { clock, pace } = host;
  try {
    for (let silences = 0; ; ) {
      await sleep(clock, silences === 1 ? pace.pollMs : pace.watchMs, signal);
      const { passedProbe, answers: before = false } = record.current;
      const isAsked = passedProbe !== undefined && (before || direction === 'both');
      const finding = isAsked ? await askProbe(scope, passedProbe, signal) : undefined;
      silences = finding === undefined ? 0 : silences + 1;
      if (!isAsked) continue;
      const answers = silences === 0 ? true : silences === 1 && before;
      if (answers === before || record.current.answers !== before) continue;
      record.update({ answers });
      changed();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
