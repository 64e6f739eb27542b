import {
  CONDITION_PROGRESSING,
  CONDITION_READY,
  CONDITION_REPLICAS_IGNORED,
  CONDITION_STALLED,
  findCondition,
  isConditionTrue,
  type Summary,
  setCondition,
  setSummary,
  timestamp,
} from '../../src/api/conditions.ts';
import type { ServiceDeployment } from '../../src/api/kinds.ts';
import { LABEL_SERVICE_DEPLOYMENT } from '../../src/api/labels.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { heldObstacle, isHeld, otherFinalizers } from '../obstacles/deletions.ts';
import { type Explanation, type Obstacle, summaryOf } from '../obstacles/obstacle.ts';
import { isProgress, isTaskProgress } from '../obstacles/reasons.ts';
import { recallProgress } from '../obstacles/recalls.ts';
import { taskObstacles, taskProgress } from '../obstacles/tasks.ts';
import type { EventRule } from '../status/occurrence.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import { answers } from './availability.ts';
import type { ServiceFacts, StatusFacts } from './facts.ts';
import { cameForward, progressing } from './progress.ts';
import { RECALL_EVENT, recalledCondition, recalling } from './recall-status.ts';
import { declaredReplicas } from './wanted.ts';

type Status = NonNullable<ServiceDeployment['status']>;

/** The Events of a task: it is carried out, something is in the way, or it makes no progress. */
export const TASK_EVENTS: readonly EventRule[] = [
  {
    condition: CONDITION_READY,
    eventType: ({ status, reason }) => {
      if (status === 'True') return 'Normal';
      return isTaskProgress(reason) ? undefined : 'Warning';
    },
  },
  {
    condition: CONDITION_PROGRESSING,
    eventType: ({ status }) => (status === 'False' ? 'Warning' : undefined),
  },
  RECALL_EVENT,
];

/** The whole status of a task. */
export function statusOf(facts: StatusFacts): Status {
  const { deployment, services, leftovers, prediction, now } = facts;
  const { name, generation } = deployment.metadata;
  const [only, ...others] = deployment.spec.services;
  const entries = services.map(serviceStatus);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const summary = stateOf(facts);
  const counts = {
    observedGeneration: generation,
    wantedReplicas: sum(services.map(({ wantedReplicas }) => wantedReplicas)),
    replicas: sum(services.map(({ appliances }) => appliances.length)) + leftovers.length,
    readyReplicas: sum(entries.map(({ readyReplicas }) => readyReplicas)),
    savedReplicas: sum(services.map(({ savedReplicas = 0 }) => savedReplicas)),
    services: entries,
  };
  const isNewProgress = cameForward(deployment.status, counts);
  const silentMs = isNewProgress ? 0 : facts.silentMs;
  const verdict = progressing(summary, silentMs, deployment.spec.progressDeadlineSeconds);
  const conditions = setSummary(deployment.status?.conditions, summary, generation, now);
  const progress = { type: CONDITION_PROGRESSING, observedGeneration: generation, ...verdict };
  const further = [replicasIgnored(deployment), recalledCondition(facts), progress];
  return {
    ...counts,
    conditions: further
      .filter((condition) => condition !== undefined)
      .reduce((list, condition) => setCondition(list, condition, now), conditions),
    declaredReplicas: only === undefined || others.length > 0 ? undefined : declaredReplicas(only),
    lastProgressTime: isNewProgress ? timestamp(now) : deployment.status?.lastProgressTime,
    selector: `${LABEL_SERVICE_DEPLOYMENT}=${name}`,
    url: entries[0]?.accessPoints[0],
    prediction,
  };
}

/** Only of a task that has, or had, both several services and a number for all. */
function replicasIgnored({ metadata, spec, status }: ServiceDeployment) {
  const isIgnored = spec.replicas !== undefined && spec.services.length > 1;
  if (!isIgnored && findCondition(status?.conditions, CONDITION_REPLICAS_IGNORED) === undefined)
    return undefined;
  return {
    type: CONDITION_REPLICAS_IGNORED,
    status: isIgnored ? ('True' as const) : ('False' as const),
    observedGeneration: metadata.generation,
    ...taskProgress.replicasIgnored(isIgnored),
  };
}

function serviceStatus(facts: ServiceFacts) {
  const { name, state, template, appliances, asDeclared } = facts;
  const { templateLabel, templateReason, recall, savedReplicas, image, imageReason } = facts;
  const answering = appliances.filter(answers);
  return {
    name,
    state,
    template,
    ...(templateLabel === undefined ? {} : { templateLabel }),
    ...(templateReason === undefined ? {} : { templateReason }),
    ...(recall === undefined ? {} : { recall, savedReplicas }),
    ...(image === undefined ? {} : { image }),
    ...(imageReason === undefined ? {} : { imageReason }),
    replicas: appliances.length,
    readyReplicas: answering.length,
    updatedReplicas: asDeclared,
    accessPoints: answering.flatMap(({ status }) => status?.accessPoints ?? []).slice(0, 100),
  };
}

/** Whether every declared appliance exists, is as declared, and answers. */
export function isComplete({ services, leftovers }: Pick<StatusFacts, 'services' | 'leftovers'>): boolean {
  return leftovers.length === 0 && services.every(isServiceComplete);
}

function isServiceComplete({ wantedReplicas, appliances, asDeclared, obstacle }: ServiceFacts): boolean {
  return obstacle === undefined && appliances.length === wantedReplicas && asDeclared === wantedReplicas;
}

/** The state of the task. An obstacle that needs a person comes first. */
function stateOf(facts: StatusFacts): Summary {
  const deletion = deletionOf(facts);
  if (deletion !== undefined) return summaryOf(deletion);
  const obstacles = facts.services.flatMap(({ name, obstacle }) =>
    obstacle === undefined ? [] : [taskObstacles.ofService(name, obstacle)],
  );
  const worst = obstacles.find(({ isStalled }) => isStalled) ?? obstacles[0];
  if (worst !== undefined) return summaryOf(worst);
  if (isComplete(facts)) return { state: 'ready', ...completion(facts) };
  if (facts.refusal !== undefined) return summaryOf(taskObstacles.refused(facts.refusal));
  const trouble = troubleOf(facts);
  return trouble === undefined ? { state: 'reconciling', ...progressOf(facts) } : summaryOf(trouble);
}

/** What still keeps a task that is being deleted. */
function deletionOf({ deployment, services, leftovers }: StatusFacts): Obstacle | undefined {
  if (deployment.metadata.deletionTimestamp === undefined) return undefined;
  const left = services.reduce((sum, { appliances }) => sum + appliances.length, leftovers.length);
  return left === 0 && isHeld(deployment)
    ? heldObstacle(deployment)
    : taskObstacles.deleting(left, otherFinalizers(deployment));
}

function completion({ services }: StatusFacts): Explanation {
  if (services.every(({ state }) => state === 'Recalled')) return recallProgress.recalled();
  return taskProgress.deployed(services.reduce((total, { appliances }) => total + appliances.length, 0));
}

/** What most keeps appliances from being ready, according to their own conditions. */
function troubleOf({ services }: StatusFacts): Obstacle | undefined {
  const troubles = services
    .flatMap((service) => service.appliances)
    .flatMap(({ metadata, status }) => {
      const ready = findCondition(status?.conditions, CONDITION_READY);
      if (ready === undefined || ready.status === 'True' || isProgress(ready.reason)) return [];
      const isStalled = isConditionTrue(status?.conditions, CONDITION_STALLED);
      return [{ name: metadata.name, reason: ready.reason, message: ready.message, isStalled }];
    });
  const first = troubles.find(({ isStalled }) => isStalled) ?? troubles[0];
  if (first === undefined) return undefined;
  const alike = troubles.filter(({ reason }) => reason === first.reason).map(({ name }) => name);
  return taskObstacles.ofAppliances(alike, first);
}

function progressOf({ services, leftovers }: StatusFacts): Explanation {
  const running = services.filter(({ state }) => state === 'Deployed');
  if (running.length < services.length && running.every(isServiceComplete))
    return recalling(services, leftovers.length);
  const surplus =
    leftovers.length +
    running.reduce((total, one) => total + Math.max(0, one.appliances.length - one.wantedReplicas), 0);
  const incomplete = running
    .filter((service) => !isServiceComplete(service))
    .map(({ name, wantedReplicas, appliances, asDeclared, held }) => {
      const answering = appliances.filter(answers).length;
      return { name, wanted: wantedReplicas, answering, asDeclared, held };
    });
  return taskProgress.deploying(incomplete, surplus);
}

/** How soon a difference between these two is worth a write: what people act on at once, counts once they settle. */
export function urgencyOf(old: Status | undefined, next: Status): Urgency {
  if (isSameJson(old, next)) return 'none';
  const ready = (status: Status | undefined) => {
    const condition = findCondition(status?.conditions, CONDITION_READY);
    const progress = findCondition(status?.conditions, CONDITION_PROGRESSING);
    return [condition?.status, condition?.reason, progress?.status, status?.observedGeneration];
  };
  // What a recall goes by: it is on the API server before anything is done.
  const templates = (status: Status | undefined) =>
    status?.services?.map(({ name, template, state, recall, image }) => [
      name,
      template,
      state,
      recall,
      image,
    ]);
  const isNews = !isSameJson(ready(old), ready(next)) || !isSameJson(templates(old), templates(next));
  return isNews ? 'now' : 'soon';
}
