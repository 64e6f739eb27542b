import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { ANNOTATION_RECALL } from '../../src/api/labels.ts';
import { keyOf } from '../../src/base/object.ts';
import { readAmounts } from '../objects/amounts.ts';
import { templateKeyOf } from '../objects/template-references.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { taskObstacles } from '../obstacles/tasks.ts';
import { chooseTemplate, type TemplateChoice } from './choose.ts';
import type { ServiceFacts } from './facts.ts';
import { imagesOf, type Starts, savedIn, startsOf, unfinishedOf } from './images.ts';
import { NOTHING, type Plan, planService } from './plan.ts';
import { type Revision, revisionOf } from './revisions.ts';
import type { Service } from './services.ts';
import type { ServiceSurvey, SurveyInput } from './survey-input.ts';
import { pinOf, reasonBefore, serviceStatusOf } from './task-status.ts';
import {
  inOrder,
  replicasOf,
  serviceOf,
  type WantedAppliance,
  type WantedSpec,
  wantedAppliances,
} from './wanted.ts';

/** A service that is to run: compared with its appliances, from whatever each of them starts. */
export function surveyDeployed(input: SurveyInput, service: Service): ServiceSurvey {
  const { deployment } = input;
  const existing = inOrder(
    input.appliances.filter((appliance) => serviceOf(deployment, appliance) === service.name),
  );
  const images = imagesOf(input.images, service.name);
  const starts = startsOf(images, service);
  const recall = serviceStatusOf(deployment, service)?.recall;
  const base: ServiceFacts = {
    name: service.name,
    wantedReplicas: replicasOf(deployment, service),
    ...pinOf(deployment, service),
    appliances: existing,
    asDeclared: 0,
    held: 0,
    state: 'Deployed',
    recall,
    savedReplicas: savedIn(images, recall),
    image: starts.first,
    imageReason: starts.reason ?? starts.unused,
    imagesUnused: starts.unused !== undefined,
  };
  const left = (obstacle: Obstacle) => ({ facts: { ...base, obstacle }, plan: NOTHING });
  const amounts = readAmounts(service);
  if ('problem' in amounts) return left(taskObstacles.invalidAmount(amounts.field, amounts.problem));
  const choice = choose(input, service, starts);
  // What starts from images needs the template itself no more; they stand on its layers.
  const template = choice.key ?? (starts.first === undefined ? undefined : (base.template ?? starts.first));
  if (template === undefined) return left(choice as Obstacle);
  const facts: ServiceFacts = {
    ...base,
    template,
    templateReason: reasonBefore(deployment, service, template),
    ...(choice.key === undefined ? {} : { templateLabel: choice.label }),
    ...(choice.key === undefined || choice.why === undefined ? {} : { templateReason: choice.why }),
  };
  return compared(input, service, facts, starts);
}

/** Appliances that a recall left must not lose their disks because a series has a newer version by now. */
function choose(
  { deployment, templates, labels }: SurveyInput,
  service: Service,
  starts: Starts,
): TemplateChoice {
  const { template: pinned, templateLabel: pinnedLabel } = pinOf(deployment, service);
  const { policy: _, ...settled } = service.template;
  const asking = starts.reason === undefined ? service : { ...service, template: settled };
  return chooseTemplate(deployment, asking, { templates, labels, pinned, pinnedLabel });
}

function compared(input: SurveyInput, service: Service, facts: ServiceFacts, starts: Starts): ServiceSurvey {
  const { unobserved, differences } = input;
  const existing = facts.appliances;
  const byName = new Map(existing.map((one) => [one.metadata.name, one]));
  const revision = revisionOf(input.revisions, service);
  const wanted = wantedOf(input, service, facts, starts, byName);
  const start = existing.filter((one) => isStoppedByRecall(one) && !unobserved.has(one));
  const planned = planService({
    wanted,
    existing,
    maxUnavailable: service.maxUnavailable,
    isUnobserved: (one) => unobserved.has(one) || start.includes(one),
    differenceOf: (current, one) => {
      const { name, namespace = '' } = one.spec.template;
      return differences.of(current, one, { service, template: keyOf({ name, namespace }) });
    },
  });
  const missing = revision !== undefined && 'obstacle' in revision ? revision.obstacle : undefined;
  const taken = input.taken.filter(({ name }) =>
    wanted.some((one) => one.name === name && !byName.has(name)),
  );
  const obstacle = missing ?? (taken.length === 0 ? undefined : taskObstacles.nameConflict(taken));
  const discard = unfinishedOf(imagesOf(input.images, service.name), existing);
  const plan: Plan = {
    ...NOTHING,
    ...planned,
    ...(missing === undefined ? {} : { create: [] }),
    start,
    discard,
  };
  return { facts: { ...facts, asDeclared: plan.asDeclared, held: plan.held, obstacle }, plan };
}

/** Whether a recall that was taken back stopped its VM. Those that a user stopped have no mark, and stay. */
function isStoppedByRecall({ metadata }: VirtualAppliance): boolean {
  return metadata.annotations?.[ANNOTATION_RECALL] !== undefined && metadata.deletionTimestamp === undefined;
}

function wantedOf(
  { deployment, revisions }: SurveyInput,
  service: Service,
  { template = '' }: ServiceFacts,
  starts: Starts,
  byName: ReadonlyMap<string, VirtualAppliance>,
): WantedAppliance[] {
  const templateOf = (ordinal: number, name: string) => {
    const current = byName.get(name);
    const now = current && templateKeyOf(current);
    if (now !== undefined && (now === template || starts.keeps(now))) return now;
    return starts.of(ordinal) ?? template;
  };
  const hostnameNow = (name: string) => byName.get(name)?.spec.parameters?.hostname;
  const packageNow = (name: string) => byName.get(name)?.spec.package;
  const packageOf = packageFrom(service, revisionOf(revisions, service), packageNow);
  return wantedAppliances(deployment, service, templateOf, hostnameNow, packageOf);
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
