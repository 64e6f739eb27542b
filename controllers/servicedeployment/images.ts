import { CONDITION_STALLED, findCondition, isConditionTrue } from '../../src/api/conditions.ts';
import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import type { Explanation } from '../obstacles/obstacle.ts';
import { recallReasons } from '../obstacles/recalls.ts';
import type { DeclaredService } from './services.ts';

/** A template that a recall made of an appliance. */
export interface Image {
  readonly template: Template;
  readonly recalled: NonNullable<Template['spec']['recalled']>;
}

/**
 * The images of a service's appliances. They are found by what they say of themselves: their names may be shortened.
 * @param templates those that recalls of the task made
 */
export function imagesOf(templates: readonly Template[], service: string): Image[] {
  return templates.flatMap((template) => {
    const { recalled } = template.spec;
    return recalled?.service === service ? [{ template, recalled }] : [];
  });
}

/** Whether its layer is known: it then has what the appliance's disk had. */
export function isSealed({ template }: Image): boolean {
  return template.status?.layers?.disk !== undefined;
}

/** How many images a recall has kept. */
export function savedIn(images: readonly Image[], recall: number | undefined): number {
  return images.filter((image) => image.recalled.recall === recall && isSealed(image)).length;
}

/** Whether it is being deleted. */
export function isGoing({ template }: Image): boolean {
  return template.metadata.deletionTimestamp !== undefined;
}

/** The image that a recall made of this very appliance, and not of an earlier one of its name. */
export function imageOf(
  images: readonly Image[],
  { metadata }: VirtualAppliance,
  recall: number,
): Image | undefined {
  return images.find(
    ({ template, recalled }) =>
      recalled.recall === recall && template.spec.source.appliance?.uid === metadata.uid,
  );
}

/** The images without a layer, of appliances that are there and keep their disks: nothing is lost with those images. */
export function unfinishedOf(images: readonly Image[], appliances: readonly VirtualAppliance[]): Template[] {
  const there = appliances.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const uids = new Set(there.map(({ metadata }) => metadata.uid));
  return images
    .filter((image) => !isSealed(image) && !isGoing(image))
    .filter(({ template }) => uids.has(template.spec.source.appliance?.uid))
    .map(({ template }) => template);
}

/** Number of the next recall with images. @param last number of the last one, which may have left none */
export function nextRecall(images: readonly Image[], last = 0): number {
  return images.reduce((most, { recalled }) => Math.max(most, recalled.recall), last) + 1;
}

/** What keeps an image from being made until a person changes something. */
export function troubleOf({ template }: Image): Explanation | undefined {
  const { conditions } = template.status ?? {};
  return isConditionTrue(conditions, CONDITION_STALLED)
    ? findCondition(conditions, CONDITION_STALLED)
    : undefined;
}

/** From what the appliances of a service start in place of the template that it asks for. */
export interface Starts {
  /** namespace/name of the image of the first appliance, from which new ones start, too. */
  readonly first: string | undefined;
  /** Why images are used; undefined when none is. */
  readonly reason: string | undefined;
  /** Why they are not, although there are some. */
  readonly unused: string | undefined;
  /** namespace/name of the image from which the appliance with that number starts; undefined: from the template. */
  of(ordinal: number): string | undefined;
  /** Whether an appliance that stands on this template stays as it is. */
  keeps(templateKey: string): boolean;
}

/**
 * Replica i starts from its own last image, and one that has none from the first appliance's. A service that asks for another
 * template than when it was last recalled gets that: the newer wish of its author counts.
 */
export function startsOf(images: readonly Image[], { template }: DeclaredService): Starts {
  const usable = images.filter((image) => isSealed(image) && !isGoing(image));
  const isAskedFor = ({ recalled }: Image) => isSameJson(recalled.template, template);
  const last = new Map<number, Image>();
  for (const image of usable) {
    const { ordinal } = image.recalled;
    if (isNewer(image, last.get(ordinal))) last.set(ordinal, image);
  }
  const keyIfAskedFor = (image: Image | undefined) =>
    image !== undefined && isAskedFor(image) ? keyOf(image.template) : undefined;
  const newest = usable.reduce<Image | undefined>(
    (best, one) => (isNewer(one, best) ? one : best),
    undefined,
  );
  const first = last.get(0);
  const kept = new Set(images.filter(isAskedFor).map((image) => keyOf(image.template)));
  return {
    first: keyIfAskedFor(first),
    reason: newest && isAskedFor(newest) ? recallReasons.inUse(newest.recalled.recall) : undefined,
    unused: newest && !isAskedFor(newest) ? recallReasons.otherTemplate(newest.recalled.recall) : undefined,
    of: (ordinal) => keyIfAskedFor(last.get(ordinal) ?? first),
    keeps: (key) => kept.has(key),
  };
}

function isNewer({ recalled, template }: Image, other: Image | undefined): boolean {
  if (other === undefined) return true;
  const order = recalled.recall - other.recalled.recall;
  return order === 0 ? keyOf(template) > keyOf(other.template) : order > 0;
}
