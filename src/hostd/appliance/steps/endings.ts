import { orAborted } from '../../../base/abort.ts';
import { sleep } from '../../../base/clock.ts';
import { type Endings, parseEndings } from '../../../domain/services/endings.ts';
import type { ServicePlan } from '../../../domain/services/types.ts';
import { HostError, hostErrors } from '../../errors/index.ts';
import type { Scope } from '../scope.ts';

/** Asking takes an emulated guest a tenth of a second; a program that ends at once is started again every second. */
const lookMs = 2_000;
/** A program may wait for another one by ending; after so many times it is an error. */
const mostEndings = 3;

/** How the service's program has ended since its start; undefined when it has not, or nobody knows. */
export async function endingsOf(
  { guest, host }: Scope,
  { endings }: ServicePlan,
  signal: AbortSignal,
): Promise<Endings | undefined> {
  if (endings === undefined) return undefined;
  const asking = guest.exec(endings.argv, { timeoutMs: endings.timeoutSeconds * 1000 });
  try {
    const { exitCode, stdout } = await orAborted(asking, signal);
    return exitCode === 0 ? parseEndings(stdout) : undefined;
  } catch (error) {
    signal.throwIfAborted();
    // The probe decides whether the service answers; here is only why it does not.
    if (!(error instanceof HostError)) throw error;
    host.log.info({ err: error }, 'it is not known how a service ended');
    return undefined;
  }
}

/**
 * Does `work`, which waits for the service; ends it, and rejects with `ServiceEnded`, when the service's program ends again and again
 * meanwhile.
 */
export async function unlessItEnds(
  scope: Scope,
  plan: ServicePlan,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (plan.endings === undefined) return work(signal);
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const watching = untilEndedOften(scope, plan, both);
  try {
    await Promise.race([work(both), watching]);
  } finally {
    over.abort();
    await watching.catch(() => undefined);
  }
}

async function untilEndedOften(scope: Scope, plan: ServicePlan, signal: AbortSignal): Promise<never> {
  const { clock } = scope.host;
  const { name } = scope.desired.service;
  let before: number | undefined;
  for (;;) {
    await sleep(clock, lookMs, signal);
    const found = await endingsOf(scope, plan, signal);
    before ??= found?.count ?? 0;
    if (found !== undefined && found.count - before >= mostEndings)
      throw hostErrors.serviceEnded(name, found);
  }
}
