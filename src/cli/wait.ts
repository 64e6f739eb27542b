import { CONDITION_READY, findCondition } from '../api/conditions.ts';
import { SERVICE_DEPLOYMENTS, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../api/kinds.ts';
import { sleep, systemClock } from '../base/clock.ts';
import { deadlineIn, isOver } from '../base/deadline.ts';
import { readPage } from '../base/http.ts';
import { controllerOf, type KubeObject, keyOf } from '../base/object.ts';
import { shownUrl } from '../base/shown-url.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { stateOf } from './appliance-table.ts';

type WaitOptions = {
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  readonly progress: (appliances: readonly VirtualAppliance[]) => void;
  /** Whether to wait also until each URL answers: the status may be from before a restart. */
  readonly fetchUrls: boolean;
};

const POLL_MS = 300;
const FETCH_MS = 5_000;

/**
 * Waits until every ServiceDeployment among the objects is Ready for its current generation, and resolves with the appliances.
 * Rejects with the conditions' messages when it takes longer than `timeoutSeconds`.
 */
export async function waitForServices(
  client: KubeClient,
  objects: readonly KubeObject[],
  { timeoutSeconds, signal, progress, fetchUrls }: WaitOptions,
): Promise<readonly VirtualAppliance[]> {
  const wanted = objects.filter(({ kind }) => kind === SERVICE_DEPLOYMENTS.kind).map(keyOfApplied);
  const deadline = deadlineIn(systemClock, timeoutSeconds * 1000);
  for (;;) {
    const { items } = await client.list(VIRTUAL_APPLIANCES, { signal });
    const appliances = items.filter((appliance) => wanted.includes(taskOf(appliance)));
    progress(appliances);
    const waiting = await notReady(client, wanted, signal);
    if (waiting.length === 0 && fetchUrls) waiting.push(...(await failingUrls(appliances)));
    if (waiting.length === 0) return appliances;
    if (isOver(systemClock, deadline)) {
      const states = appliances.map((appliance) => `  ${describe(appliance)}`).join('\n');
      throw new Error(
        `not all services answer after ${timeoutSeconds} s:\n  ${waiting.join('\n  ')}\n${states}`,
      );
    }
    await sleep(systemClock, POLL_MS, signal);
  }
}

/** One line for each appliance. */
export function describeProgress(appliances: readonly VirtualAppliance[]): string {
  return appliances.map(describe).join('\n');
}

function describe(appliance: VirtualAppliance): string {
  const { metadata, spec, status } = appliance;
  const running = status?.steps?.find((step) => step.state !== 'Done');
  const step =
    running === undefined ? '' : `  ${running.name}${running.message ? `: ${running.message}` : ''}`;
  return `${metadata.name}  ${spec.hostName ?? 'not placed yet'}  ${stateOf(appliance)}${step}`;
}

/** A message for each URL that does not answer with success. */
async function failingUrls(appliances: readonly VirtualAppliance[]): Promise<string[]> {
  const urls = appliances.flatMap(({ status }) => status?.accessPoints ?? []);
  const answers = await Promise.all(
    urls.map((url) =>
      readPage(url, AbortSignal.timeout(FETCH_MS)).then(
        ({ isGood }) => isGood,
        () => false,
      ),
    ),
  );
  return urls.filter((_, at) => !answers[at]).map((url) => `${shownUrl(url)} does not answer`);
}

function keyOfApplied({ metadata }: KubeObject): string {
  return keyOf({ name: metadata.name, namespace: metadata.namespace ?? 'default' });
}

function taskOf(appliance: VirtualAppliance): string {
  return keyOf({ name: controllerOf(appliance)?.name ?? '', namespace: appliance.metadata.namespace ?? '' });
}

async function notReady(
  client: KubeClient,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const { items } = await client.list(SERVICE_DEPLOYMENTS, { signal });
  return wanted.flatMap((key) => {
    const task = items.find((item) => keyOf(item) === key);
    if (task === undefined) return [`ServiceDeployment ${key} does not exist`];
    const ready = findCondition(task.status?.conditions, CONDITION_READY);
    const current = task.status?.observedGeneration === task.metadata.generation;
    return current && ready?.status === 'True'
      ? []
      : [`ServiceDeployment ${key}: ${ready?.message ?? 'waiting for the operator'}`];
  });
}
