import { findCondition, type Standing, setStanding } from '../../src/api/conditions.ts';
import type { ServiceDeployment, VirtualAppliance } from '../../src/api/kinds.ts';
import { LABEL_SERVICE_DEPLOYMENT } from '../../src/api/labels.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { isStage } from '../status/stages.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import { isAvailable } from './difference.ts';

type Status = NonNullable<ServiceDeployment['status']>;

/** What a reconcile found out about one service. */
export interface ServiceFacts {
  readonly name: string;
  readonly wantedReplicas: number;
  /** namespace/name; undefined when none could be chosen. */
  readonly template: string | undefined;
  readonly appliances: readonly VirtualAppliance[];
  readonly upToDate: number;
  /** Why the service is not carried out, if it is not. `isStalled`: until a person changes something. */
  readonly obstacle?: { readonly reason: string; readonly message: string; readonly isStalled: boolean };
}

/** What a task's status is made of. */
export interface StatusFacts {
  readonly deployment: ServiceDeployment;
  readonly services: readonly ServiceFacts[];
  /** Appliances of services that are declared no more. */
  readonly leftovers: readonly VirtualAppliance[];
  readonly prediction: Status['prediction'];
  /** What the API server refused to do for it: a quota, a policy, a missing permission. */
  readonly refusal?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** How many appliances a sentence names. */
const NAMED = 3;

/** The whole status of a task. */
export function statusOf(facts: StatusFacts): Status {
  const { deployment, services, leftovers, prediction, now } = facts;
  const { name, generation } = deployment.metadata;
  const entries = services.map(serviceStatus);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    observedGeneration: generation,
    conditions: setStanding(deployment.status?.conditions, standingOf(facts), generation, now),
    wantedReplicas: sum(services.map(({ wantedReplicas }) => wantedReplicas)),
    replicas: sum(services.map(({ appliances }) => appliances.length)) + leftovers.length,
    readyReplicas: sum(entries.map(({ readyReplicas }) => readyReplicas)),
    selector: `${LABEL_SERVICE_DEPLOYMENT}=${name}`,
    url: entries[0]?.accessPoints[0],
    services: entries,
    prediction,
  };
}

function serviceStatus({ name, template, appliances, upToDate }: ServiceFacts) {
  const ready = appliances.filter(isAvailable);
  return {
    name,
    template,
    replicas: appliances.length,
    readyReplicas: ready.length,
    updatedReplicas: upToDate,
    accessPoints: ready.flatMap(({ status }) => status?.accessPoints ?? []).slice(0, 100),
  };
}

/** Whether every declared appliance is there, as declared, and answers. */
export function isComplete({ services, leftovers }: Pick<StatusFacts, 'services' | 'leftovers'>): boolean {
  return leftovers.length === 0 && services.every(isServiceComplete);
}

function isServiceComplete({ wantedReplicas, appliances, upToDate, obstacle }: ServiceFacts): boolean {
  const ready = appliances.filter(isAvailable).length;
  const counts = [appliances.length, upToDate, ready];
  return obstacle === undefined && counts.every((count) => count === wantedReplicas);
}

/** How the task stands; what a person has to do something about comes first. */
function standingOf(facts: StatusFacts): Standing {
  const obstacles = facts.services.flatMap(({ name, obstacle }) =>
    obstacle === undefined ? [] : [{ name, ...obstacle }],
  );
  const worst = obstacles.find(({ isStalled }) => isStalled) ?? obstacles[0];
  if (worst !== undefined) {
    const message = `service ${worst.name}: ${worst.message}`;
    return { state: worst.isStalled ? 'stalled' : 'reconciling', reason: worst.reason, message };
  }
  if (isComplete(facts)) return completeStanding(facts);
  if (facts.refusal !== undefined) {
    const message = `the API server refuses what the task needs, which is tried again: ${facts.refusal}`;
    return { state: 'reconciling', reason: 'Refused', message: message.slice(0, 4096) };
  }
  return troubleOf(facts) ?? progressOf(facts);
}

function completeStanding({ deployment, services }: StatusFacts): Standing {
  if (deployment.spec.state === 'Recalled') {
    return { state: 'ready', reason: 'Recalled', message: 'the services are stopped and their VMs are gone' };
  }
  const count = services.reduce((total, { appliances }) => total + appliances.length, 0);
  return { state: 'ready', reason: 'Deployed', message: `all ${count} appliance(s) answer` };
}

/** The appliances that need a person, or wait for something, in their own words. */
function troubleOf({ services }: StatusFacts): Standing | undefined {
  const appliances = services.flatMap((service) => service.appliances);
  const troubles = appliances.flatMap((appliance) => {
    const ready = findCondition(appliance.status?.conditions, 'Ready');
    const isStalled = findCondition(appliance.status?.conditions, 'Stalled')?.status === 'True';
    const isTrouble = ready !== undefined && ready.status !== 'True' && !isStage(ready.reason);
    return isTrouble ? [{ appliance, ready, isStalled }] : [];
  });
  const first = troubles.find(({ isStalled }) => isStalled) ?? troubles[0];
  if (first === undefined) return undefined;
  const alike = troubles.filter(({ ready }) => ready.reason === first.ready.reason);
  const named = alike.slice(0, NAMED).map(({ appliance }) => appliance.metadata.name);
  const more = alike.length > NAMED ? ` and ${alike.length - NAMED} more` : '';
  const message = `${named.join(', ')}${more}: ${first.ready.message}`.slice(0, 4096);
  return { state: first.isStalled ? 'stalled' : 'reconciling', reason: first.ready.reason, message };
}

function progressOf({ deployment, services, leftovers }: StatusFacts): Standing {
  const going =
    leftovers.length +
    services.reduce((total, one) => total + Math.max(0, one.appliances.length - one.wantedReplicas), 0);
  if (deployment.spec.state === 'Recalled') {
    return { state: 'reconciling', reason: 'Recalling', message: `${going} appliance(s) are being removed` };
  }
  const parts = services
    .filter((service) => !isServiceComplete(service))
    .map(({ name, wantedReplicas, appliances, upToDate }) => {
      const ready = appliances.filter(isAvailable).length;
      return `${name}: ${ready} of ${wantedReplicas} answer, ${upToDate} as declared`;
    });
  if (going > 0) parts.push(`${going} surplus appliance(s) are being removed`);
  return { state: 'reconciling', reason: 'Deploying', message: parts.join('; ').slice(0, 4096) };
}

/** How soon a difference between these two is worth a write: what a person acts on at once, counts when they settle. */
export function urgencyOf(old: Status | undefined, next: Status): Urgency {
  if (isSameJson(old, next)) return 'none';
  const ready = (status: Status | undefined) => {
    const condition = findCondition(status?.conditions, 'Ready');
    return [condition?.status, condition?.reason, status?.observedGeneration];
  };
  const pins = (status: Status | undefined) =>
    status?.services?.map(({ name, template }) => [name, template]);
  const isNews = !isSameJson(ready(old), ready(next)) || !isSameJson(pins(old), pins(next));
  return isNews ? 'now' : 'soon';
}
