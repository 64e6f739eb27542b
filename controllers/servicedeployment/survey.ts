import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { ServiceFacts } from './facts.ts';
import { NOTHING, type Plan } from './plan.ts';
import { isRecalled } from './recall.ts';
import { servicesOf } from './services.ts';
import { surveyDeployed } from './survey-deployed.ts';
import type { SurveyInput } from './survey-input.ts';
import { surveyRecalled } from './survey-recalled.ts';
import { serviceOf } from './wanted.ts';

/** The state of a whole task, and what to do about it. */
export interface Survey {
  readonly services: readonly ServiceFacts[];
  /** Appliances of services that the task no longer declares. */
  readonly leftovers: readonly VirtualAppliance[];
  readonly plan: Plan;
}

/** Compares the whole task with its appliances and plans what to do. A service without a usable template,
 * or with an amount that is none, is left as it is; the others go on. */
export function survey(input: SurveyInput): Survey {
  const { deployment, appliances, unobserved } = input;
  const services = servicesOf(deployment);
  const known = new Set(services.map(({ name }) => name));
  const leftovers = appliances.filter((appliance) => {
    const service = serviceOf(deployment, appliance);
    return service !== undefined && !known.has(service);
  });
  const parts = services.map((service) =>
    isRecalled(deployment, service) ? surveyRecalled(input, service) : surveyDeployed(input, service),
  );
  const removable = leftovers.filter(
    (one) => one.metadata.deletionTimestamp === undefined && !unobserved.has(one),
  );
  return {
    services: parts.map(({ facts }) => facts),
    leftovers,
    plan: merge([...parts.map(({ plan }) => plan), { ...NOTHING, remove: removable }]),
  };
}

function merge(plans: readonly Plan[]): Plan {
  return {
    create: plans.flatMap(({ create }) => create),
    update: plans.flatMap(({ update }) => update),
    remove: plans.flatMap(({ remove }) => remove),
    replace: plans.flatMap(({ replace }) => replace),
    stop: plans.flatMap(({ stop }) => stop),
    start: plans.flatMap(({ start }) => start),
    save: plans.flatMap(({ save }) => save),
    discard: plans.flatMap(({ discard }) => discard),
    asDeclared: plans.reduce((sum, plan) => sum + plan.asDeclared, 0),
    held: plans.reduce((sum, plan) => sum + plan.held, 0),
  };
}
