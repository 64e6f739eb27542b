import type { ListrTask } from 'listr2';

/**
 * Runs steps one after the other, with live progress. After an interruption, a step ends where it checks `signal`, and no further
 * step begins. Listr's own handling would end the program at once, in the middle of a step.
 */
export async function runSteps(steps: readonly ListrTask[], signal?: AbortSignal): Promise<void> {
  const guarded = steps.map(
    (step): ListrTask => ({
      ...step,
      task: (context, task) => {
        signal?.throwIfAborted();
        return step.task(context, task);
      },
    }),
  );
  const { Listr } = await import('listr2');
  await new Listr(guarded, {
    registerSignalListeners: false,
    // Some terminals (in CI and containers) have no width: live progress would print one character per line.
    fallbackRendererCondition: () => process.stdout.columns === 0,
  }).run();
}

/** Waits until all work has ended, and rejects with the first error then, so that no work continues unseen. */
export async function allDone(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** A signal that the first Ctrl-C or SIGTERM aborts. Every one prints the sentence; none ends the clean-up. */
export function interruption(say: (sentence: string) => void, sentence: string): AbortSignal {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      say(sentence);
      interrupted.abort(new Error('interrupted'));
    });
  }
  return interrupted.signal;
}
