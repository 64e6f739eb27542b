import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** What keeps a template from being built. Objects are named as namespace/name, `what` is such as `Secret shop/token`. */
export const buildObstacles = {
  parentNotReady: (parent: string): Obstacle =>
    waiting(
      REASON.ParentNotReady,
      `template ${parent}, its parent, has no layer yet: it is built as soon as that is there`,
    ),
  parentDeleting: (parent: string): Obstacle =>
    waiting(
      REASON.TemplateDeleting,
      `template ${parent}, its parent, is being deleted: make a new template, on another parent`,
    ),
  beginning: (): Obstacle => waiting(REASON.Building, 'its build begins'),
  inputNotFound: (step: number, what: string): Obstacle =>
    waiting(REASON.BuildInputNotFound, `step ${step} copies ${what}, which does not exist: create it`),
  inputRefused: (what: string): Explanation => ({
    reason: REASON.BuildInputRefused,
    message:
      `the operator may not read ${what}, which a step copies: for Secrets, add the namespace to rbac.secretNamespaces of the chart coppice, or bind ` +
      "the operator's account to the ClusterRole that ends in -secrets there; it is tried again",
  }),
  inputChanged: (what: string, appliance: string): Obstacle =>
    stalled(
      REASON.BuildInputChanged,
      `${what} was changed after the build began, and before a host had it: delete appliance ${appliance}, and the template is built ` +
        'with what it is now',
    ),
  /** @param template which was found with the same parent, steps, inputs and revision */
  sameBuild: (template: string): Obstacle =>
    waiting(
      REASON.Building,
      `template ${template} has the same parent, steps, inputs and revision: its layer is this one's, too, once it is built (another ` +
        'build.revision has one of its own)',
    ),
  nameTaken: (appliance: string): Obstacle =>
    stalled(
      REASON.NameConflict,
      `appliance ${appliance}, in which it would be built, exists and is not its own: delete that, or give the template another name`,
    ),
  nothingToBuild: (template: string): Obstacle =>
    stalled(
      REASON.NothingToBuild,
      `template ${template} does not exist, or is not built: delete this appliance`,
    ),
  otherParent: (template: string): Obstacle =>
    stalled(
      REASON.NothingToBuild,
      `template ${template} is built on another parent than this appliance's template: delete this appliance`,
    ),
  /** @param explanation of the build appliance's condition */
  ofAppliance: (appliance: string, { reason, message }: Explanation, isStalled: boolean): Obstacle =>
    (isStalled ? stalled : waiting)(reason, `appliance ${appliance}, in which it is built: ${message}`),
  /** @param doing such as `is at step 2 of 5 (install)` */
  building: (host: string | undefined, doing: string, name: string): Obstacle =>
    waiting(REASON.Building, `host ${host} ${doing}: \`coppice template logs -f ${name}\` shows it`),
  failed: ({ reason, message }: Explanation, appliance: string, host: string | undefined): Obstacle =>
    stalled(
      reason,
      `${message} (appliance ${appliance} on host ${host}, which may still run: \`coppice exec\` looks into it; once it is deleted, the ` +
        'template is built again)',
    ),
};
