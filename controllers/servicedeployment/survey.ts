import type { ServiceDeployment, Template, TemplateLabel, VirtualAppliance } from '../../src/api/kinds.ts';
import { readAmounts } from '../objects/amounts.ts';
import { type TakenName, taskObstacles } from '../obstacles/tasks.ts';
import { chooseTemplate } from './choose.ts';
import type { Differences } from './difference.ts';
import { type Plan, planService } from './plan.ts';
import { type Revision, revisionOf, type TaskRevisions } from './revisions.ts';
import { type Service, servicesOf } from './services.ts';
import type { ServiceFacts } from './status.ts';
import type { UnobservedWrites } from './unobserved-writes.ts';
import { inOrder, replicasOf, serviceOf, type WantedSpec, wantedAppliances } from './wanted.ts';

/** The state of a whole task, and what to do about it. */
export interface Survey {
  readonly services: readonly ServiceFacts[];
  /** Appliances of services that the task no longer declares. */
  readonly leftovers: readonly VirtualAppliance[];
  readonly plan: Plan;
}

/** What a survey looks at. */
export interface SurveyInput {
  readonly deployment: ServiceDeployment;
  /** Those that the task controls. */
  readonly appliances: readonly VirtualAppliance[];
  readonly templates: readonly Template[];
  readonly labels: readonly TemplateLabel[];
  readonly unobserved: UnobservedWrites;
  readonly differences: Differences;
  readonly revisions: TaskRevisions;
  /** Names that appliances outside the task have. */
  readonly taken: readonly TakenName[];
}

const NOTHING: Plan = { create: [], update: [], remove: [], replace: [], asDeclared: 0, held: 0 };

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
  if (deployment.spec.state === 'Recalled') return recall(input, leftovers);
  const parts = services.map((service) => surveyService(input, service));
  const removable = leftovers.filter(
    (one) => one.metadata.deletionTimestamp === undefined && !unobserved.has(one),
  );
  return {
    services: parts.map(({ facts }) => facts),
    leftovers,
    plan: merge([...parts.map(({ plan }) => plan), { ...NOTHING, remove: removable }]),
  };
}

function surveyService(input: SurveyInput, service: Service): { facts: ServiceFacts; plan: Plan } {
  const { deployment, templates, labels, unobserved, differences } = input;
  const existing = inOrder(
    input.appliances.filter((appliance) => serviceOf(deployment, appliance) === service.name),
  );
  const { template: pinned, templateLabel: pinnedLabel } = pinOf(deployment, service);
  const base = { name: service.name, wantedReplicas: replicasOf(deployment, service), appliances: existing };
  const amounts = readAmounts(service);
  if ('problem' in amounts) {
    const obstacle = taskObstacles.invalidAmount(amounts.field, amounts.problem);
    return {
      facts: { ...base, template: pinned, templateLabel: pinnedLabel, asDeclared: 0, held: 0, obstacle },
      plan: NOTHING,
    };
  }
  const choice = chooseTemplate(deployment, service, { templates, labels, pinned, pinnedLabel });
  if (choice.key === undefined)
    return {
      facts: {
        ...base,
        template: pinned,
        templateLabel: pinnedLabel,
        asDeclared: 0,
        held: 0,
        obstacle: choice,
      },
      plan: NOTHING,
    };
  const byName = new Map(existing.map((one) => [one.metadata.name, one]));
  const hostnameNow = (name: string) => byName.get(name)?.spec.parameters?.hostname;
  const revision = revisionOf(input.revisions, service);
  const packageOf = packageFrom(service, revision, (name) => byName.get(name)?.spec.package);
  const wanted = wantedAppliances(deployment, service, choice.key, hostnameNow, packageOf);
  const { maxUnavailable } = service;
  const template = choice.key;
  const templateReason = choice.why ?? reasonBefore(deployment, service, template);
  const planned = planService({
    wanted,
    existing,
    maxUnavailable,
    isUnobserved: (one) => unobserved.has(one),
    differenceOf: (current, one) => differences.of(current, one, { service, template }),
  });
  const missing = revision !== undefined && 'obstacle' in revision ? revision.obstacle : undefined;
  const plan = missing === undefined ? planned : { ...planned, create: [] };
  const taken = input.taken.filter(({ name }) =>
    wanted.some((one) => one.name === name && !byName.has(name)),
  );
  const obstacle = missing ?? (taken.length === 0 ? undefined : taskObstacles.nameConflict(taken));
  return {
    facts: {
      ...base,
      template,
      templateLabel: choice.label,
      templateReason,
      asDeclared: plan.asDeclared,
      held: plan.held,
      obstacle,
    },
    plan,
  };
}

/**
 * The package of each appliance. While the content of a ConfigMap is unavailable, the existing ones keep theirs, whatever else of them
 * changes.
 */
function packageFrom(
  service: Service,
  revision: Revision | undefined,
  packageNow: (name: string) => WantedSpec['package'],
): (name: string) => WantedSpec['package'] {
  const source = service.package?.configMap;
  if (source === undefined || revision === undefined) return () => service.package;
  if (revision.name === undefined) return packageNow;
  return () => ({ configMap: { name: source.name, revision: revision.name } });
}

/** Removes the appliances of the services, unless the task asks to keep their disks, which is not supported yet. */
function recall(
  { deployment, appliances, unobserved }: SurveyInput,
  leftovers: readonly VirtualAppliance[],
): Survey {
  const made = appliances.filter((appliance) => serviceOf(deployment, appliance) !== undefined);
  const isKept = deployment.spec.recall.save && made.length > 0;
  const services = deployment.spec.services.map(
    (service): ServiceFacts => ({
      name: service.name,
      wantedReplicas: 0,
      ...pinOf(deployment, service),
      appliances: inOrder(made.filter((appliance) => serviceOf(deployment, appliance) === service.name)),
      asDeclared: 0,
      held: 0,
      ...(isKept ? { obstacle: taskObstacles.savingNotSupported() } : {}),
    }),
  );
  const going = made.filter((one) => one.metadata.deletionTimestamp === undefined && !unobserved.has(one));
  return { services, leftovers, plan: isKept ? NOTHING : { ...NOTHING, remove: going } };
}

/** The previous choice. */
function pinOf(
  { status }: ServiceDeployment,
  { name }: Pick<Service, 'name'>,
): Pick<ServiceFacts, 'template' | 'templateLabel'> {
  const { template, templateLabel } = status?.services?.find((service) => service.name === name) ?? {};
  return { template, templateLabel };
}

/** Why the template was chosen when it was. */
function reasonBefore(
  { status }: ServiceDeployment,
  { name }: Service,
  template: string,
): string | undefined {
  return status?.services?.find((one) => one.name === name && one.template === template)?.templateReason;
}

function merge(plans: readonly Plan[]): Plan {
  return {
    create: plans.flatMap(({ create }) => create),
    update: plans.flatMap(({ update }) => update),
    remove: plans.flatMap(({ remove }) => remove),
    replace: plans.flatMap(({ replace }) => replace),
    asDeclared: plans.reduce((sum, plan) => sum + plan.asDeclared, 0),
    held: plans.reduce((sum, plan) => sum + plan.held, 0),
  };
}
