import { Differences } from '../../controllers/servicedeployment/difference.ts';
import { survey } from '../../controllers/servicedeployment/survey.ts';
import { UnobservedWrites } from '../../controllers/servicedeployment/unobserved-writes.ts';
import type { ServiceDeployment, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { ANNOTATION_RECALL } from '../../src/api/labels.ts';
import { aDeployment, anAppliance, anImportedTemplate, aTemplate } from './objects.ts';

type ServiceStatus = NonNullable<NonNullable<ServiceDeployment['status']>['services']>[number];
type Recalled = NonNullable<Template['spec']['recalled']>;

const MACHINE = '00000000-0000-4000-8000-000000000000';
export const base = anImportedTemplate();

export interface Scene {
  readonly spec?: Partial<ServiceDeployment['spec']>;
  readonly before?: Partial<ServiceStatus>;
  readonly appliances?: readonly VirtualAppliance[];
  readonly images?: readonly Template[];
  /** How many connected hosts have each image. */
  readonly copies?: number;
}

/** What the operator makes of task `shop` of one service, `web`. */
export function look({ spec, before, appliances = [], images = [], copies = 1 }: Scene) {
  const templates = [base, ...images];
  const deployment = aDeployment({
    spec: { state: 'Recalled', recall: { save: true, minCopies: 1 }, ...spec },
    status: { services: [{ name: 'web', template: 'default/debian', ...before }] },
  });
  const found = survey({
    deployment,
    appliances,
    templates,
    labels: [],
    images,
    templateOf: (key) => templates.find(({ metadata }) => `default/${metadata.name}` === key),
    copiesOf: () => copies,
    unobserved: new UnobservedWrites(),
    differences: new Differences(),
    revisions: new Map(),
    taken: [],
  });
  const [facts] = found.services;
  if (facts === undefined) throw new Error('one service is wanted');
  return { ...found, facts, deployment };
}

/** An appliance of `web` that ran on a host; off as a recall wants it, or not yet. */
export function one(
  ordinal: number,
  state: 'runs' | 'stops' | 'off' | 'powered off',
  change: Partial<VirtualAppliance['spec']> = {},
) {
  const name = `shop-web-${ordinal}`;
  const isOff = state === 'off' || state === 'powered off';
  const reason = { runs: 'ServiceAvailable', stops: 'Updating', off: 'Stopped', 'powered off': 'PoweredOff' }[
    state
  ];
  const time = '2026-01-01T00:00:00Z';
  return anAppliance({
    metadata: {
      name,
      generation: 2,
      ...(state === 'runs' ? {} : { annotations: { [ANNOTATION_RECALL]: 'stopped' } }),
    },
    spec: { hostName: 'host-a', powerState: state === 'runs' ? 'Running' : 'Stopped', ...change },
    status: {
      steps: [{ name: 'Start', state: 'Done' }],
      conditions: [
        {
          ...{ type: 'Ready', status: state === 'runs' ? 'True' : 'False', reason, message: '' },
          ...{ observedGeneration: isOff || state === 'runs' ? 2 : 1, lastTransitionTime: time },
        },
      ],
    },
  });
}

export interface Made extends Partial<Recalled> {
  readonly uid?: string;
  readonly sealed?: boolean;
  readonly trouble?: string;
  readonly minCopies?: number;
  readonly going?: boolean;
}

/** The image of an appliance of `web`. */
export function image({
  uid,
  sealed = true,
  trouble,
  minCopies = 1,
  going = false,
  ...change
}: Made = {}): Template {
  const recalled: Recalled = {
    ...{ task: 'shop', service: 'web', ordinal: 0, recall: 1, machine: MACHINE },
    template: { name: 'debian' },
    ...change,
  };
  const suffix = recalled.ordinal === 0 ? '' : `-${recalled.ordinal}`;
  const name = `shop-web-${recalled.recall}${suffix}`;
  const appliance = `shop-web-${recalled.ordinal}`;
  const condition = { type: 'Stalled', status: 'True' as const, reason: trouble ?? '', message: 'no' };
  return aTemplate({
    metadata: { name, uid: `uid-${name}`, ...(going ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: {
      source: { appliance: { name: appliance, uid: uid ?? `uid-${appliance}` } },
      distribution: { ...base.spec.distribution, minCopies },
      recalled,
    },
    status: {
      ...(sealed ? { layers: { disk: 'e'.repeat(64) } } : {}),
      ...(trouble === undefined
        ? {}
        : { conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }] }),
    },
  });
}

export const names = (objects: readonly { readonly metadata: { readonly name: string } }[]) =>
  objects.map(({ metadata }) => metadata.name);
