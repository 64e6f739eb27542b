import type { ListrTask } from 'listr2';

/**
 * Runs steps one after the other with live progress. An interruption ends them where they look at `signal`, and
 * before the next one: Listr itself would end the program at once, whatever was half done.
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
    // Some terminals (of CI, of containers) tell no width: live progress would have one character a line.
    fallbackRendererCondition: () => process.stdout.columns === 0,
  }).run();
}

/** Does all at once, and rejects with the first error only when all have ended, so that none goes on unseen. */
export async function allDone(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Aborted by the first Ctrl-C or SIGTERM; later ones do not hurry what is being put in order. */
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
