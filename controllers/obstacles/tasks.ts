import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** How many appliances a sentence names. */
const NAMED = 3;

/** The name of an appliance outside the task that the task would give to one of its own. */
export interface TakenName {
  readonly name: string;
  /** Such as `of ServiceDeployment shop`; undefined for one that nobody owns. */
  readonly owner: string | undefined;
}

function listed(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${more}`;
}

function counted(appliances: readonly string[]): string {
  const { length } = appliances;
  return `${length === 1 ? 'appliance' : `${length} appliances:`} ${listed(appliances)}`;
}

/** What keeps a task from being carried out. */
export const taskObstacles = {
  nameConflict: (taken: readonly TakenName[]): Obstacle => {
    const named = taken.map(({ name, owner }) => `${name} (${owner ?? 'made by hand'})`);
    const isMadeByHand = taken.every(({ owner }) => owner === undefined);
    return stalled(
      REASON.NameConflict,
      `there are already appliances ${named.join(', ')} that do not belong to this task, and stay as they are: rename ` +
        `the task or the service${isMadeByHand ? ', or delete them if nobody needs them' : ''}`,
    );
  },
  /** @param problem such as `CPU quantity "-1" is negative: give zero or more` */
  invalidAmount: (field: string, problem: string): Obstacle =>
    stalled(REASON.InvalidAmount, `${field}: ${problem}; correct it in spec.services`),
  /** @param others finalizers of other programs, which keep the task */
  deleting: (appliances: number, others: readonly string[]): Obstacle => {
    const held =
      others.length === 0 ? '' : `; other programs hold it by their finalizers: ${others.join(', ')}`;
    return waiting(
      REASON.Deleting,
      `the task is being deleted, and ${appliances} of its appliances are left${held}`,
    );
  },
  /** @param answer what the API server said */
  refused: (answer: string): Obstacle =>
    waiting(
      REASON.Refused,
      `the API server refused a request for this task, which is tried again: ${answer}`,
    ),
  ofService: (service: string, obstacle: Obstacle): Obstacle => ({
    ...obstacle,
    message: `service ${service}: ${obstacle.message}`,
  }),
  /** Several appliances have the same trouble. @param appliances by name */
  ofAppliances: (appliances: readonly string[], { reason, message, isStalled }: Obstacle): Obstacle => {
    return { reason, message: `${listed(appliances)}: ${message}`, isStalled };
  },
};

/** What people should know of a task, and no condition says. */
export const taskEvents = {
  /** @param appliances by name, at least one */
  created: (appliances: readonly string[]): Explanation => ({
    reason: REASON.SuccessfulCreate,
    message: `created ${counted(appliances)}`,
  }),
  /** @param appliances by name, at least one */
  deleted: (appliances: readonly string[]): Explanation => ({
    reason: REASON.SuccessfulDelete,
    message: `deleted ${counted(appliances)}`,
  }),

  /** Said before it happens. @param parts of the VM that change; none when the service's strategy asks for it */
  replacing: (appliance: string, parts: readonly string[]): Explanation => {
    const why = parts.length === 0 ? 'its strategy is Replace' : `its ${parts.join(' and its ')} changes`;
    return {
      reason: REASON.Replacing,
      message: `appliance ${appliance} is deleted and created again, since ${why}: its disk is discarded, with all that was written there`,
    };
  },
};

/** How many appliances of a service answer, and how many are as declared. */
export interface ServiceProgress {
  readonly name: string;
  readonly wanted: number;
  readonly answering: number;
  readonly asDeclared: number;
  /** How many keep what they have until others are ready. */
  readonly held: number;
}

/** How far a task is when nothing is in its way. */
export const taskProgress = {
  deployed: (appliances: number): Explanation => ({
    reason: REASON.Deployed,
    message: `all ${appliances} appliance(s) are as declared, and answer`,
  }),
  deploying: (services: readonly ServiceProgress[], surplus: number): Explanation => {
    const parts = services.map(
      ({ name, wanted, answering, asDeclared, held }) =>
        `${name}: ${answering} of ${wanted} answer, ${asDeclared} as declared` +
        (held === 0 ? '' : `, ${held} keep what they have until the changed ones are ready`),
    );
    if (surplus > 0) parts.push(`${surplus} surplus appliance(s) are being removed`);
    return { reason: REASON.Deploying, message: parts.join('; ') };
  },
  /** @param message what the task waits for */
  replicasIgnored: (isIgnored: boolean): Explanation =>
    isIgnored
      ? {
          reason: REASON.SeveralServices,
          message:
            'spec.replicas is for tasks of one service, and this one has several: set the replicas of each, and remove it',
        }
      : { reason: REASON.OneNumber, message: '' },
  deadlineExceeded: (seconds: number, message: string): Explanation => ({
    reason: REASON.ProgressDeadlineExceeded,
    message:
      `no progress for ${seconds} s (progressDeadlineSeconds); nothing is rolled back: correct the task, ` +
      `and it goes on: ${message}`,
  }),
};
