import type { ServiceDeployment, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { LABEL_SERVICE } from '../../src/api/labels.ts';
import { chooseTemplate } from './choose.ts';
import type { Differences } from './difference.ts';
import { type Plan, planService } from './plan.ts';
import type { ServiceFacts } from './status.ts';
import type { Flux } from './unobserved-writes.ts';
import { replicasOf, type Service, wantedAppliances } from './wanted.ts';

/** What is, and what is to be done, for a whole task. */
export interface Survey {
  readonly services: readonly ServiceFacts[];
  /** Appliances of services that are declared no more. */
  readonly leftovers: readonly VirtualAppliance[];
  readonly plan: Plan;
}

/** What there is to look at. */
export interface SurveyInput {
  readonly deployment: ServiceDeployment;
  /** All that the task controls. */
  readonly appliances: readonly VirtualAppliance[];
  readonly templates: readonly Template[];
  readonly flux: Flux;
  readonly differences: Differences;
  /** Names that appliances of others have. */
  readonly taken: readonly string[];
}

const NOTHING: Plan = { create: [], update: [], remove: [], upToDate: 0, held: 0 };

/** Looks at the task as a whole and says what to do. A service that is not clear is left as it is. */
export function survey(input: SurveyInput): Survey {
  const { deployment, appliances, flux } = input;
  const { services } = deployment.spec;
  const known = new Set(services.map(({ name }) => name));
  const leftovers = appliances.filter((appliance) => !known.has(serviceOf(appliance)));
  if (deployment.spec.state === 'Recalled') return recall(input, leftovers);
  const parts = services.map((service) => surveyService(input, service));
  const removable = leftovers.filter((one) => one.metadata.deletionTimestamp === undefined && !flux.has(one));
  return {
    services: parts.map(({ facts }) => facts),
    leftovers,
    plan: merge([...parts.map(({ plan }) => plan), { ...NOTHING, remove: removable }]),
  };
}

function surveyService(input: SurveyInput, service: Service): { facts: ServiceFacts; plan: Plan } {
  const { deployment, templates, flux, differences } = input;
  const existing = input.appliances.filter((appliance) => serviceOf(appliance) === service.name);
  const pinned = pinOf(deployment, service);
  const choice = chooseTemplate(deployment, service, templates, pinned);
  const base = { name: service.name, wantedReplicas: replicasOf(deployment, service), appliances: existing };
  if (choice.key === undefined) {
    const { reason, message } = choice;
    const obstacle = { reason, message, isStalled: false };
    return { facts: { ...base, template: pinned, upToDate: 0, obstacle }, plan: NOTHING };
  }
  const byName = new Map(existing.map((one) => [one.metadata.name, one]));
  const hostnameNow = (name: string) => byName.get(name)?.spec.parameters?.hostname;
  const wanted = wantedAppliances(deployment, service, choice.key, hostnameNow);
  const { maxUnavailable } = service;
  const template = choice.key;
  const plan = planService({
    wanted,
    existing,
    maxUnavailable,
    isInFlux: (one) => flux.has(one),
    differenceOf: (current, one) => differences.of(current, one, { service, template }),
  });
  const conflict = conflictOf(
    input.taken.filter((name) => wanted.some((one) => one.name === name && !byName.has(name))),
  );
  return { facts: { ...base, template: choice.key, upToDate: plan.upToDate, obstacle: conflict }, plan };
}

/** Appliances go with their service; nothing is thrown away that was asked to be kept. */
function recall(
  { deployment, appliances, flux }: SurveyInput,
  leftovers: readonly VirtualAppliance[],
): Survey {
  const isKept = deployment.spec.recall.save && appliances.length > 0;
  const reason = 'SavingNotSupported';
  const message =
    'recall.save asks to keep the images as templates, which is not supported yet, so nothing was removed: ' +
    'set recall.save to false to remove the appliances with their disks';
  const services = deployment.spec.services.map(
    (service): ServiceFacts => ({
      name: service.name,
      wantedReplicas: 0,
      template: pinOf(deployment, service),
      appliances: appliances.filter((appliance) => serviceOf(appliance) === service.name),
      upToDate: 0,
      ...(isKept ? { obstacle: { reason, message, isStalled: true } } : {}),
    }),
  );
  const going = appliances.filter((one) => one.metadata.deletionTimestamp === undefined && !flux.has(one));
  return { services, leftovers, plan: isKept ? NOTHING : { ...NOTHING, remove: going } };
}

function conflictOf(taken: readonly string[]): ServiceFacts['obstacle'] {
  if (taken.length === 0) return undefined;
  const message =
    `there are appliances ${taken.join(', ')} already that do not belong to this task: they are left alone; ` +
    'delete them, or rename the task or the service';
  return { reason: 'NameConflict', message, isStalled: true };
}

function pinOf({ status }: ServiceDeployment, { name }: Service): string | undefined {
  return status?.services?.find((service) => service.name === name)?.template;
}

/** By its label; without one it belongs to no service that is declared. */
function serviceOf({ metadata, spec }: VirtualAppliance): string {
  return metadata.labels?.[LABEL_SERVICE] ?? spec.service.name ?? '';
}

function merge(plans: readonly Plan[]): Plan {
  return {
    create: plans.flatMap(({ create }) => create),
    update: plans.flatMap(({ update }) => update),
    remove: plans.flatMap(({ remove }) => remove),
    upToDate: plans.reduce((sum, plan) => sum + plan.upToDate, 0),
    held: plans.reduce((sum, plan) => sum + plan.held, 0),
  };
}
