import { sleep } from '../../base/clock.ts';
import { whyNotRunning } from './observation.ts';
import type { Step } from './pass.ts';
import type { Scope } from './scope.ts';

/**
 * The step, ended as soon as the VM is found not to run. Otherwise the step would wait for a guest that is paused (the host's
 * disk is full, say) or that has failed until its own time is up, and would not say why.
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

/** Aborts `stopped`, with the reason, when the VM no longer runs; resolves then, or when `over` is aborted. */
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
    // The VM cannot be inspected at all: the step either meets the same error, or ends without it.
    if (!over.aborted)
      host.log.warn({ appliance: desired.uuid, err: error }, 'the VM cannot be inspected now');
  }
}
