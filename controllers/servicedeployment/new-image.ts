import { createHash } from 'node:crypto';
import type { ServiceDeployment, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { LABEL_ORDINAL, LABEL_SERVICE, LABEL_SERVICE_DEPLOYMENT } from '../../src/api/labels.ts';
import type { WholeTemplate } from '../../src/domain/templates/inherit.ts';
import { DEPTH_LIMIT } from '../../src/domain/templates/tree.ts';
import { uidOf } from '../objects/appliance.ts';
import { machineUidOf } from '../objects/machine.ts';
import { wasPoweredOff } from './availability.ts';
import type { DeclaredService } from './services.ts';
import { ordinalOf } from './wanted.ts';

/** Characters of the longest name of a template, and of a series. */
const LONGEST_NAME = 63;
/** Hexadecimal digits that tell shortened names apart. */
const DIGITS = 8;

/** The image to make of an appliance. */
export interface WantedImage {
  /** The names that it may get: the first that no other object has. */
  readonly names: readonly string[];
  /** The object without its name. */
  readonly template: Template;
}

/**
 * The template to create for an appliance whose VM is off; complete from the start, so that a crash leaves nothing half done. It has no
 * owner, so it outlives its task, as the volumes of a StatefulSet do.
 * @param parent the appliance's template, with what it has from its own parents
 */
export function wantedImage(
  deployment: ServiceDeployment,
  service: DeclaredService,
  appliance: VirtualAppliance,
  parent: WholeTemplate,
  recall: number,
): WantedImage {
  const { name: task, namespace } = deployment.metadata;
  const ordinal = ordinalOf(appliance);
  const labels = {
    [LABEL_SERVICE_DEPLOYMENT]: task,
    [LABEL_SERVICE]: service.name,
    [LABEL_ORDINAL]: `${ordinal}`,
  };
  // A kernel is its parent's, and is not imported again, unless the image stands on none; the agent is installed by now, and where its
  // packages were may no longer be.
  const { boot, agentPackages: _, ...guest } = parent.spec.guest;
  const isFlat = (parent.status?.depth ?? 1) >= DEPTH_LIMIT;
  const template: Template = {
    apiVersion: deployment.apiVersion,
    kind: 'Template',
    metadata: { name: '', namespace, labels },
    spec: {
      series: seriesOf(task, service.name),
      // Debian orders `2~1` before `2`: the image of the first appliance is the newest version of its recall.
      version: ordinal === 0 ? `${recall}` : `${recall}~${ordinal}`,
      source: {
        appliance: {
          name: appliance.metadata.name,
          uid: uidOf(appliance),
          ...(isFlat ? { flat: true } : {}),
        },
      },
      guest: isFlat && boot !== undefined ? { ...guest, boot } : guest,
      container: parent.spec.container,
      checkpoint: { enabled: false },
      // One machine starts from it: how often it was used says nothing of how often it will be.
      distribution: {
        mode: 'Copy',
        minCopies: deployment.spec.recall.minCopies,
        importance: 0,
        popularityHalfLife: '168h',
      },
      lifecycle: { retain: false },
      sharing: { scope: 'Namespace' },
      recalled: recalledOf(task, service, appliance, { recall, machine: machineUidOf(appliance, parent) }),
    },
  };
  return { names: imageNames(task, service.name, recall, ordinal), template };
}

function recalledOf(
  task: string,
  service: DeclaredService,
  appliance: VirtualAppliance,
  { recall, machine }: { readonly recall: number; readonly machine: string },
): NonNullable<Template['spec']['recalled']> {
  const { package: files, parameters } = appliance.spec;
  return {
    task,
    service: service.name,
    ordinal: ordinalOf(appliance),
    recall,
    machine,
    template: service.template,
    shutdown: wasPoweredOff(appliance) ? 'PoweredOff' : 'Clean',
    ...(files === undefined ? {} : { package: files }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

/** The names that an image may get. Those of two services may be alike: `web-1` of recall 2, and the replica 2 of recall 1 of `web`. */
export function imageNames(
  task: string,
  service: string,
  recall: number,
  ordinal: number,
): readonly string[] {
  const suffix = ordinal === 0 ? `-${recall}` : `-${recall}-${ordinal}`;
  const plain = `${task}-${service}${suffix}`;
  const hashed = shortened(task, service, LONGEST_NAME - suffix.length) + suffix;
  return plain.length > LONGEST_NAME ? [hashed] : [plain, hashed];
}

/** The series of the images of a service. */
export function seriesOf(task: string, service: string): string {
  const plain = `${task}-${service}`;
  const isFit = plain.length <= LONGEST_NAME && !plain.includes('.');
  return isFit ? plain : shortened(task, service, LONGEST_NAME);
}

/** The task and the service as far as there is room, and a digest that tells them from others. */
function shortened(task: string, service: string, limit: number): string {
  const digest = createHash('sha256').update(`${task}/${service}`).digest('hex').slice(0, DIGITS);
  const plain = `${task}-${service}`.replaceAll('.', '-');
  let length = Math.min(plain.length, limit - DIGITS - 1);
  while (plain[length - 1] === '-') length -= 1;
  return `${plain.slice(0, length)}-${digest}`;
}
