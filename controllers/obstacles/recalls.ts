import { type Explanation, type Obstacle, stalled } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** How many appliances, or services, a sentence names. */
const NAMED = 3;

function listed(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${more}`;
}

/** What keeps a service from being recalled with its images. */
export const recallObstacles = {
  /** @param image namespace/name. @param trouble what its own condition says */
  image: (image: string, trouble: Explanation): Obstacle =>
    stalled(
      trouble.reason,
      `image ${image} cannot be made: ${trouble.message}; its VM is off and keeps its disk: delete the image to have it made again`,
    ),
  /** @param template namespace/name */
  templateGone: (template: string): Obstacle =>
    stalled(
      REASON.TemplateNotFound,
      `template ${template}, on which appliances stand, does not exist, so no images of them can be made: create it again, or set ` +
        'recall.save to false to remove the VMs with their disks',
    ),
};

/** How many appliances of a service that is being recalled are how far. */
export interface RecallProgress {
  readonly name: string;
  /** That still exist. */
  readonly left: number;
  /** Whose VMs are shut down, whose images are made or copied, and whose images are kept; undefined when no images are. */
  readonly images?: { readonly stopping: number; readonly making: number; readonly kept: number } | undefined;
}

/** How far a recall is, and what follows when it is over. */
export const recallProgress = {
  recalled: (): Explanation => ({
    reason: REASON.Recalled,
    message: 'the services are stopped and their VMs are gone',
  }),
  /** @param recalled services, by name */
  servicesRecalled: (recalled: readonly string[]): Explanation => ({
    reason: REASON.ServicesRecalled,
    message: `recalled: ${listed(recalled)}; the other services are as they are declared`,
  }),
  recalling: (services: readonly RecallProgress[], leftovers = 0): Explanation => {
    const parts = services.map(({ name, left, images }) => {
      if (images === undefined) return `${name}: ${left} appliance(s) are being removed`;
      const { stopping, making, kept } = images;
      return `${name}: ${left} appliance(s) left, ${stopping} being stopped, ${making} image(s) being made, ${kept} kept`;
    });
    if (leftovers > 0) parts.push(`${leftovers} surplus appliance(s) are being removed`);
    return { reason: REASON.Recalling, message: parts.join('; ') };
  },
  /** @param says of each service that was recalled, from what it starts */
  redeployed: (says: readonly string[]): Explanation => ({
    reason: REASON.Redeployed,
    message: says.length === 0 ? 'nothing is to be recalled' : says.join('; '),
  }),
  /** @param says of each service whose images are not used, why */
  imagesNotUsed: (says: readonly string[]): Explanation => ({
    reason: REASON.ImagesNotUsed,
    message: says.join('; '),
  }),
};

/** Why the appliances of a service start from images, or do not although there are some. */
export const recallReasons = {
  inUse: (recall: number): string =>
    `recall ${recall} kept images: each appliance starts from its own last one; one that has none starts from that of the first ` +
    'appliance, as another machine',
  otherTemplate: (recall: number): string =>
    `it asks for another template than when recall ${recall} kept its images: its appliances start from that template, and the images ` +
    'stay; ask for the template as before to start from them',
};

export const recallEvents = {
  /** @param images by name, at least one */
  saving: (images: readonly string[]): Explanation => ({
    reason: REASON.Saving,
    message: `images are being made: ${listed(images)}`,
  }),
};
