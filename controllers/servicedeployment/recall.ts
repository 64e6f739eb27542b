import type { ServiceDeployment, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { grownFromKey, wholeTemplateOf } from '../objects/template-references.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { recallObstacles } from '../obstacles/recalls.ts';
import { isOff } from './availability.ts';
import { type Image, imageOf, isGoing, isSealed, nextRecall, troubleOf } from './images.ts';
import { type WantedImage, wantedImage } from './new-image.ts';
import { NOTHING, type Plan } from './plan.ts';
import type { DeclaredService } from './services.ts';

/** Whether a service is to run, according to the task. */
export function isRecalled({ spec }: ServiceDeployment, service: DeclaredService): boolean {
  return spec.state === 'Recalled' || service.state === 'Recalled';
}

/** What a recall of a service with its images looks at. */
export interface RecallInput {
  readonly deployment: ServiceDeployment;
  readonly service: DeclaredService;
  /** Of the service. */
  readonly appliances: readonly VirtualAppliance[];
  /** Of the service. */
  readonly images: readonly Image[];
  readonly recall: number;
  readonly isUnobserved: (appliance: VirtualAppliance) => boolean;
  readonly templateOf: (key: string) => Template | undefined;
  /** How many connected hosts have the whole of an image. */
  readonly copiesOf: (template: Template) => number;
}

/** How far the recall of a service is, and what to do about it. */
export interface RecallPlan {
  readonly plan: Plan;
  readonly stopping: number;
  readonly making: number;
  readonly obstacle: Obstacle | undefined;
}

/**
 * Number of the recall that goes on, as the status says since it began; that of a next one when the last is over. It is written before
 * anything is done, so that one recall has one number, wherever it is interrupted.
 */
export function recallNumber(deployment: ServiceDeployment, name: string, images: readonly Image[]): number {
  const before = deployment.status?.services?.find((service) => service.name === name);
  const goingOn = before?.state === 'Recalling' ? before.recall : undefined;
  return goingOn ?? nextRecall(images, before?.recall);
}

/** What is next for one appliance. */
type Next =
  | { readonly step: 'stop' | 'remove' | 'wait' | 'make' }
  | { readonly step: 'save'; readonly image: WantedImage }
  | { readonly step: 'held'; readonly obstacle: Obstacle };

/**
 * Each appliance by itself: its VM is stopped, its image made, and it is removed once the image is whole on as many connected hosts as it
 * asks for. All follows from the objects, so it goes on wherever it was interrupted.
 */
export function planRecall(input: RecallInput): RecallPlan {
  const { appliances, isUnobserved } = input;
  const nexts = appliances
    .filter((one) => one.metadata.deletionTimestamp === undefined)
    .map((appliance) => ({
      appliance,
      next: isUnobserved(appliance) ? ({ step: 'wait' } as const) : nextOf(input, appliance),
    }));
  const at = (step: Next['step']) =>
    nexts.flatMap(({ appliance, next }) => (next.step === step ? [appliance] : []));
  const held = nexts.flatMap(({ next }) => (next.step === 'held' ? [next.obstacle] : []));
  const save = nexts.flatMap(({ next }) => (next.step === 'save' ? [next.image] : []));
  return {
    plan: { ...NOTHING, stop: at('stop'), save, remove: at('remove') },
    stopping: at('stop').length + at('wait').length,
    making: at('make').length + save.length + held.length,
    obstacle: held.find(({ isStalled }) => isStalled) ?? held[0],
  };
}

function nextOf(input: RecallInput, appliance: VirtualAppliance): Next {
  const { deployment, service, images, recall, templateOf } = input;
  if (appliance.spec.hostName === undefined) return { step: 'remove' };
  if (appliance.spec.powerState !== 'Stopped') return { step: 'stop' };
  if (!isOff(appliance)) return { step: 'wait' };
  if (!hasRun(appliance)) return { step: 'remove' };
  const image = imageOf(images, appliance, recall);
  if (image !== undefined) return nextOfImage(input, image);
  const key = grownFromKey(appliance);
  const parent = templateOf(key);
  if (parent === undefined) return { step: 'held', obstacle: recallObstacles.templateGone(key) };
  const whole = wholeTemplateOf(parent, templateOf);
  return { step: 'save', image: wantedImage(deployment, service, appliance, whole, recall) };
}

function nextOfImage({ copiesOf }: RecallInput, image: Image): Next {
  // One that a person deletes is made again when it is gone.
  if (isGoing(image)) return { step: 'make' };
  const trouble = troubleOf(image);
  if (trouble !== undefined)
    return { step: 'held', obstacle: recallObstacles.image(keyOf(image.template), trouble) };
  const { minCopies } = image.template.spec.distribution;
  const isSafe = isSealed(image) && copiesOf(image.template) >= Math.max(1, minCopies);
  return { step: isSafe ? 'remove' : 'make' };
}

/**
 * Whether its VM was ever started: only then can its disk have anything that its template does not have. Its host goes on telling the
 * steps of the last start.
 */
function hasRun({ status }: VirtualAppliance): boolean {
  return status?.steps?.some(({ name }) => name === 'Start') === true;
}
