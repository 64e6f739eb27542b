import type { ServiceDeployment, VirtualAppliance } from '../../src/api/kinds.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import type { RecallProgress } from '../obstacles/recalls.ts';

type Status = NonNullable<ServiceDeployment['status']>;
type ServiceStatus = NonNullable<Status['services']>[number];

/** The state of one service. */
export interface ServiceFacts {
  readonly name: string;
  readonly wantedReplicas: number;
  /** namespace/name; undefined when none could be chosen. */
  readonly template: string | undefined;
  /** The TemplateLabel by which it was chosen, as namespace/name. */
  readonly templateLabel?: string | undefined;
  /** Why it was chosen, in words. */
  readonly templateReason?: string | undefined;
  readonly appliances: readonly VirtualAppliance[];
  /** Whether it is to run, is being recalled, or was recalled. */
  readonly state: ServiceStatus['state'];
  /** Number of its last recall with images, and how many that kept. */
  readonly recall?: number | undefined;
  readonly savedReplicas?: number | undefined;
  /** How far the recall of its appliances with their images is, while it goes on. */
  readonly recallProgress?: RecallProgress['images'];
  /** namespace/name of the image that the first appliance starts from, and why; or why not, although there is one. */
  readonly image?: string | undefined;
  readonly imageReason?: string | undefined;
  readonly imagesUnused?: boolean;
  /** How many are as declared, their services included. */
  readonly asDeclared: number;
  /** How many keep what they have until others are ready. */
  readonly held: number;
  /** What keeps the service from becoming as declared. */
  readonly obstacle?: Obstacle | undefined;
}

/** What a task's status is made of. */
export interface StatusFacts {
  readonly deployment: ServiceDeployment;
  readonly services: readonly ServiceFacts[];
  /** Appliances of services that the task no longer declares. */
  readonly leftovers: readonly VirtualAppliance[];
  readonly prediction: Status['prediction'];
  /** The API server's last refusal of a request for the task: a quota, a policy, a missing permission. */
  readonly refusal?: string | undefined;
  /** Milliseconds without progress up to the status before this one, if there is none in this one either. */
  readonly silentMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}
