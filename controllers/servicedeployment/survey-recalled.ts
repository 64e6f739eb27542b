import type { ServiceFacts } from './facts.ts';
import { imagesOf, savedIn, startsOf, unfinishedOf } from './images.ts';
import { NOTHING } from './plan.ts';
import { planRecall, recallNumber } from './recall.ts';
import type { Service } from './services.ts';
import type { ServiceSurvey, SurveyInput } from './survey-input.ts';
import { pinOf, reasonBefore, serviceStatusOf } from './task-status.ts';
import { inOrder, serviceOf } from './wanted.ts';

/** A service that is to be recalled: its appliances go, with `recall.save` only when their images are kept. */
export function surveyRecalled(input: SurveyInput, service: Service): ServiceSurvey {
  const { deployment } = input;
  const appliances = inOrder(
    input.appliances.filter((appliance) => serviceOf(deployment, appliance) === service.name),
  );
  const base: ServiceFacts = {
    name: service.name,
    state: 'Recalling',
    wantedReplicas: 0,
    ...pinOf(deployment, service),
    templateReason: reasonBefore(deployment, service),
    appliances,
    asDeclared: 0,
    held: 0,
  };
  if (appliances.length === 0) return { facts: { ...base, ...recalledFacts(input, service) }, plan: NOTHING };
  return deployment.spec.recall.save ? withImages(input, service, base) : without(input, service, base);
}

function recalledFacts({ deployment, images }: SurveyInput, service: Service): Partial<ServiceFacts> {
  const { recall } = serviceStatusOf(deployment, service) ?? {};
  const ofService = imagesOf(images, service.name);
  const { first, reason, unused } = startsOf(ofService, service);
  return {
    state: 'Recalled',
    recall,
    savedReplicas: savedIn(ofService, recall),
    image: first,
    imageReason: reason ?? unused,
    imagesUnused: unused !== undefined,
  };
}

function withImages(input: SurveyInput, service: Service, base: ServiceFacts): ServiceSurvey {
  const { deployment, unobserved, templateOf, copiesOf } = input;
  const images = imagesOf(input.images, service.name);
  const recall = recallNumber(deployment, service.name, images);
  const { plan, stopping, making, obstacle } = planRecall({
    ...{ deployment, service, images, recall, templateOf, copiesOf },
    appliances: base.appliances,
    isUnobserved: (one) => unobserved.has(one),
  });
  const savedReplicas = savedIn(images, recall);
  const progress = { stopping, making, kept: savedReplicas };
  return {
    facts: { ...base, recall, savedReplicas, recallProgress: progress, obstacle },
    plan,
  };
}

function without({ images, unobserved }: SurveyInput, service: Service, base: ServiceFacts): ServiceSurvey {
  const remove = base.appliances.filter(
    (one) => one.metadata.deletionTimestamp === undefined && !unobserved.has(one),
  );
  const discard = unfinishedOf(imagesOf(images, service.name), base.appliances);
  return { facts: base, plan: { ...NOTHING, remove, discard } };
}
