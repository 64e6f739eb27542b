import { CONDITION_READY, CONDITION_STALLED, findCondition } from '../../api/conditions.ts';
import { TEMPLATES, type Template } from '../../api/kinds.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import type { KubeClient } from '../../kube/client/client.ts';

const POLL_MS = 1000;

/** The condition Ready of the template's latest spec; undefined while nobody looked at that. */
export function standingOf({ status, metadata }: Template) {
  const ready = findCondition(status?.conditions, CONDITION_READY);
  return ready?.observedGeneration === metadata.generation ? ready : undefined;
}

/** Waits, and prints what is done meanwhile. @throws Error with the condition's message when the template needs a person, or more time */
export async function untilReady(
  client: KubeClient,
  template: { readonly name: string; readonly namespace: string },
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = deadlineIn(systemClock, timeoutSeconds * 1000);
  for (let told = ''; ; ) {
    const found = await client.get(TEMPLATES, template, { signal });
    const ready = standingOf(found);
    if (ready?.status === 'True') break;
    if (findCondition(found.status?.conditions, CONDITION_STALLED)?.status === 'True')
      throw new Error(ready?.message);
    if (ready !== undefined && ready.message !== told) console.error(ready.message);
    told = ready?.message ?? told;
    if (isOver(systemClock, deadline)) throw new Error(`it is not Ready after ${timeoutSeconds} s: ${told}`);
    await sleep(systemClock, POLL_MS, signal);
  }
  console.log(`Template ${template.namespace}/${template.name} is Ready.`);
}
