import { sleep } from '../../base/clock.ts';
import { whyNotRunning } from './observation.ts';
import type { Step } from './pass.ts';
import type { Scope } from './scope.ts';

/**
 * The step, given up as soon as the VM is seen not to run: a guest that is paused, because the host's disk is full, say,
 * or that has failed, would else be waited for until the step's own time is up, and nobody told why.
 */
export function whileRunning(scope: Scope, step: Step): Step {
  return {
    ...step,
    run: async (signal) => {
      const over = new AbortController();
      const stopped = new AbortController();
      const watching = untilStopped(scope, AbortSignal.any([signal, over.signal]), stopped);
      try {
        await step.run(AbortSignal.any([signal, stopped.signal]));
      } catch (error) {
        throw stopped.signal.aborted && !signal.aborted ? stopped.signal.reason : error;
      } finally {
        over.abort();
        await watching;
      }
    },
  };
}

/** Aborts `stopped`, with why, when the VM does not run any more; resolves then, or when `over` is aborted. */
async function untilStopped(scope: Scope, over: AbortSignal, stopped: AbortController): Promise<void> {
  const { host, desired, directory } = scope;
  try {
    for (;;) {
      await sleep(host.clock, host.pace.watchMs, over);
      const found = await host.driver.inspect(desired.uuid, directory.path);
      if (over.aborted || found?.state === 'Running') continue;
      return stopped.abort(await whyNotRunning(scope, found));
    }
  } catch (error) {
    // A host on which the VM cannot even be looked at: the step meets that, or ends without.
    if (!over.aborted)
      host.log.warn({ appliance: desired.uuid, err: error }, 'the VM cannot be looked at now');
  }
}
