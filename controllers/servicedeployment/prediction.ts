import type { ServiceDeployment, VirtualAppliance } from '../../src/api/kinds.ts';
import { type CreationTime, predictDeployment } from '../../src/domain/timing/prediction.ts';
import type { CreationTimes } from '../memory/creation-times.ts';
import { templateKeyOf } from '../objects/template-references.ts';

type Prediction = NonNullable<NonNullable<ServiceDeployment['status']>['prediction']>;

/** How many hosts a status has room for: those that take longest determine the total. */
const MOST_HOSTS = 100;

/** What a prediction is made from. */
export interface PredictionInput {
  readonly deployment: ServiceDeployment;
  readonly appliances: readonly VirtualAppliance[];
  readonly isComplete: boolean;
  readonly times: Pick<CreationTimes, 'placement' | 'expected'>;
  /** How many VMs a host creates at once; undefined when it has not reported that. */
  readonly concurrencyOf: (host: string) => number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The deployment's time by Equation 1 (SO-MVDS 4.1), and the time it took. The prediction is made while the appliances are
 * created, from earlier creations of the same templates on the same hosts; without such measurements there is none. A change of
 * the task starts it again.
 */
export function predictionOf(input: PredictionInput): Prediction {
  const { deployment, isComplete, now } = input;
  const before = deployment.status?.prediction;
  const isNewTask = deployment.status?.observedGeneration !== deployment.metadata.generation;
  if (before?.startedTime === undefined || isNewTask) return { startedTime: new Date(now).toISOString() };
  if (before.actualSeconds !== undefined) return before;
  const predicted = before.totalSeconds === undefined ? predict(input) : {};
  if (!isComplete) return { ...before, ...predicted };
  // Must not be negative after the wall clock was set back.
  const actualSeconds = round(Math.max(0, now - Date.parse(before.startedTime)) / 1000);
  return { ...before, ...predicted, actualSeconds };
}

/** Made once per task, when all of its appliances have a host: nothing that happens later improves it. */
function predict({ appliances, times, concurrencyOf }: PredictionInput): Partial<Prediction> {
  const perHost = new Map<string, CreationTime[]>();
  for (const appliance of appliances) {
    const host = appliance.spec.hostName;
    const time = host === undefined ? undefined : times.expected(templateKeyOf(appliance), host);
    if (host === undefined || time === undefined) return {};
    const onHost = perHost.get(host) ?? [];
    onHost.push(time);
    perHost.set(host, onHost);
  }
  if (perHost.size === 0) return {};
  const concurrency = new Map([...perHost.keys()].map((host) => [host, concurrencyOf(host) ?? 1]));
  const { placementSeconds, perHostSeconds, totalSeconds } = predictDeployment({
    ...times.placement,
    perHost,
    concurrency,
  });
  const longest = [...perHostSeconds].sort((a, b) => b[1] - a[1]).slice(0, MOST_HOSTS);
  return {
    placementSeconds: round(placementSeconds),
    perHostSeconds: Object.fromEntries(longest.map(([host, seconds]) => [host, round(seconds)])),
    totalSeconds: round(totalSeconds),
  };
}

/** Milliseconds are as exact as the measurements. */
function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
