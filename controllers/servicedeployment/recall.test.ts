import { beforeEach, describe, expect, it } from 'vitest';
import type { ServiceDeployment, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { ANNOTATION_RECALL } from '../../src/api/labels.ts';
import {
  aDeployment,
  anAppliance,
  anImportedTemplate,
  aService,
  aTemplate,
} from '../../test/builders/objects.ts';
import { Differences } from './difference.ts';
import { recalledCondition } from './recall-status.ts';
import { survey } from './survey.ts';
import { UnobservedWrites } from './unobserved-writes.ts';

type ServiceStatus = NonNullable<NonNullable<ServiceDeployment['status']>['services']>[number];
type Recalled = NonNullable<Template['spec']['recalled']>;

const MACHINE = '00000000-0000-4000-8000-000000000000';
const base = anImportedTemplate();

interface Scene {
  readonly spec?: Partial<ServiceDeployment['spec']>;
  readonly before?: Partial<ServiceStatus>;
  readonly appliances?: readonly VirtualAppliance[];
  readonly images?: readonly Template[];
  /** How many connected hosts have each image. */
  readonly copies?: number;
}

/** What the operator makes of task `shop` of one service, `web`. */
function look({ spec, before, appliances = [], images = [], copies = 1 }: Scene) {
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
function one(
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

interface Made extends Partial<Recalled> {
  readonly uid?: string;
  readonly sealed?: boolean;
  readonly trouble?: string;
  readonly minCopies?: number;
  readonly going?: boolean;
}

/** The image of an appliance of `web`. */
function image({
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

const names = (objects: readonly { readonly metadata: { readonly name: string } }[]) =>
  objects.map(({ metadata }) => metadata.name);

describe('a service that is recalled with its images', () => {
  it('is stopped, with a number that is known before anything is done', () => {
    const { facts, plan } = look({
      before: { state: 'Deployed' },
      appliances: [one(0, 'runs'), one(1, 'runs')],
    });
    expect(names(plan.stop)).toEqual(['shop-web-0', 'shop-web-1']);
    expect([plan.save, plan.remove]).toEqual([[], []]);
    expect(facts).toMatchObject({ state: 'Recalling', recall: 1, wantedReplicas: 0, savedReplicas: 0 });
  });

  it('has an image made of each VM that is off, of that appliance alone, with what it was', () => {
    const parameters = { env: { MODE: 'prod' } };
    const { plan } = look({
      before: { state: 'Recalling', recall: 3 },
      appliances: [one(0, 'stops'), one(1, 'off', { parameters })],
    });
    expect([plan.stop, plan.remove]).toEqual([[], []]);
    expect(plan.save.map(({ names: [name] }) => name)).toEqual(['shop-web-3-1']);
    expect(plan.save[0]?.template).toMatchObject({
      metadata: { namespace: 'default' },
      spec: {
        ...{ series: 'shop-web', version: '3~1', sharing: { scope: 'Namespace' } },
        source: { appliance: { name: 'shop-web-1', uid: 'uid-shop-web-1' } },
        ...{ guest: base.spec.guest, container: base.spec.container },
        recalled: {
          task: 'shop',
          service: 'web',
          ordinal: 1,
          recall: 3,
          machine: 'uid-shop-web-1',
          shutdown: 'Clean',
          parameters,
        },
      },
    });
    expect(plan.save[0]?.template.metadata.ownerReferences).toBeUndefined();
  });

  it('tells of an image whose guest did not shut itself down', () => {
    const { plan } = look({ appliances: [one(0, 'powered off')] });
    expect(plan.save[0]?.template.spec.recalled?.shutdown).toBe('PoweredOff');
  });

  const recalling = { before: { state: 'Recalling' as const, recall: 1 }, appliances: [one(0, 'off')] };
  it.each<[string, Scene]>([
    ['is not sealed', { images: [image({ sealed: false })] }],
    ['is on no connected host', { images: [image()], copies: 0 }],
    ['is on fewer hosts than it asks for', { images: [image({ minCopies: 2 })], copies: 1 }],
    ['is being deleted', { images: [image({ going: true })] }],
    ['cannot be made', { images: [image({ trouble: 'DiskFull' })] }],
  ])('keeps an appliance whose image %s', (_, scene) => {
    const { plan } = look({ ...recalling, ...scene });
    expect([plan.remove, plan.save]).toEqual([[], []]);
  });

  it.each<[string, Template]>([
    ['of an earlier recall', image({ recall: 2 })],
    ['of an earlier appliance of its name', image({ uid: 'another' })],
  ])('makes an image of an appliance although there is one %s', (_, other) => {
    const { plan } = look({
      ...recalling,
      before: { state: 'Recalling', recall: other.spec.recalled?.recall === 2 ? 3 : 1 },
      images: [other],
    });
    expect(plan.remove).toEqual([]);
    expect(plan.save).toHaveLength(1);
  });

  it('loses an appliance once its image is whole where it should be', () => {
    const { plan, facts } = look({ ...recalling, images: [image({ minCopies: 2 })], copies: 2 });
    expect(names(plan.remove)).toEqual(['shop-web-0']);
    expect(facts.savedReplicas).toBe(1);
  });

  it('says what keeps an image from being made', () => {
    const { facts } = look({ ...recalling, images: [image({ trouble: 'DiskFull' })] });
    expect(facts.obstacle).toMatchObject({ reason: 'DiskFull', isStalled: true });
    expect(facts.obstacle?.message).toContain('default/shop-web-1');
  });

  it('touches nothing when an image would have more layers than there may be', () => {
    const deep = image({ recall: 11 });
    const parent = { ...deep, status: { ...deep.status, depth: 12 } };
    const { facts, plan } = look({
      appliances: [one(0, 'runs', { template: { name: 'shop-web-11' } })],
      images: [parent],
    });
    expect(plan.stop).toEqual([]);
    expect(facts.obstacle).toMatchObject({ reason: 'ChainTooDeep', isStalled: true });
  });

  it('removes an appliance without an image only if its VM never ran', () => {
    const unplaced = anAppliance({ metadata: { name: 'shop-web-0' } });
    const off = one(1, 'off');
    const never = { ...off, status: { ...off.status, steps: [{ name: 'Disk', state: 'Failed' as const }] } };
    const { plan } = look({ appliances: [unplaced, never] });
    expect(names(plan.remove)).toEqual(['shop-web-0', 'shop-web-1']);
    expect(plan.save).toEqual([]);
  });

  it('waits when the template that appliances stand on does not exist', () => {
    const { facts, plan } = look({ appliances: [one(0, 'off', { template: { name: 'gone' } })] });
    expect([plan.save, plan.remove]).toEqual([[], []]);
    expect(facts.obstacle?.reason).toBe('TemplateNotFound');
  });
});

describe('the number of a recall', () => {
  const appliances = [one(0, 'runs')];
  it.each<[string, Scene, number]>([
    ['is the next one after those whose images there are', { images: [image({ recall: 4, uid: 'x' })] }, 5],
    ['is the next one after the last', { before: { state: 'Deployed', recall: 2 } }, 3],
    [
      'stays until all is recalled',
      { before: { state: 'Recalling', recall: 2 }, images: [image({ recall: 2 })] },
      2,
    ],
    [
      'is a new one when the recall kept nothing up to now',
      { before: { state: 'Recalling' }, images: [image({ uid: 'x' })] },
      2,
    ],
  ])('%s', (_, scene, recall) => {
    expect(look({ appliances, ...scene }).facts.recall).toBe(recall);
  });
});

describe('a recall without images', () => {
  it('removes the appliances, and gives up images that are not whole', () => {
    const unfinished = image({ sealed: false });
    const { plan, facts } = look({
      spec: { recall: { save: false, minCopies: 1 } },
      before: { state: 'Recalling', recall: 1 },
      ...{ appliances: [one(0, 'off')], images: [unfinished, image({ ordinal: 1 })] },
    });
    expect(names(plan.remove)).toEqual(['shop-web-0']);
    expect(plan.discard).toEqual([unfinished]);
    expect(facts.recall).toBeUndefined();
  });
});

describe('a service that was recalled and is to run', () => {
  const deployed = { state: 'Deployed' as const, services: [aService({ replicas: 3 })] };
  const templatesOf = ({ plan }: ReturnType<typeof look>) =>
    plan.create.map(({ spec }) => spec.template.name);

  it('starts each appliance from its own last image, and others from that of the first', () => {
    const images = [image(), image({ recall: 2 }), image({ ordinal: 1 })];
    const found = look({ spec: deployed, images });
    expect(templatesOf(found)).toEqual(['shop-web-2', 'shop-web-1-1', 'shop-web-2']);
    expect(found.facts).toMatchObject({ template: 'default/debian', image: 'default/shop-web-2' });
    expect(found.facts.imageReason).toContain('recall 2');
  });

  it('starts from the template when its author asks for another one by now, and says so', () => {
    const services = [aService({ template: { series: 'debian' } })];
    const found = look({ spec: { state: 'Deployed', services }, images: [image()] });
    expect(found.facts.image).toBeUndefined();
    expect(found.facts.obstacle?.reason, 'no template is of that series').toBe('TemplateNotFound');
    expect(recalledCondition(found)).toMatchObject({ status: 'False', reason: 'ImagesNotUsed' });
  });

  it('does not go back to an older image when the newest was made of another template', () => {
    const images = [image(), image({ recall: 2, template: { name: 'other' } })];
    expect(templatesOf(look({ spec: deployed, images }))).toEqual(['debian', 'debian', 'debian']);
  });

  it.each([
    ['is not sealed', image({ sealed: false, uid: 'gone' })],
    ['is being deleted', image({ going: true })],
  ])('does not start from an image that %s', (_, bad) => {
    expect(templatesOf(look({ spec: deployed, images: [bad] }))[0]).toBe('debian');
  });

  it('starts from its images when the template itself cannot be used any more', () => {
    const services = [aService({ template: { name: 'gone' } })];
    const images = [image({ template: { name: 'gone' } })];
    const found = look({ spec: { state: 'Deployed', services }, images });
    expect(templatesOf(found)).toEqual(['shop-web-1']);
    expect(found.facts.obstacle).toBeUndefined();
  });
});

describe('a recall that is taken back', () => {
  const back = {
    spec: { state: 'Deployed' as const, services: [aService({ replicas: 2 })] },
    before: { state: 'Recalling' as const, recall: 1 },
  };

  it('starts what is still there, and gives up images that are not whole', () => {
    const unfinished = image({ sealed: false });
    const { plan } = look({
      ...back,
      appliances: [one(0, 'off')],
      images: [unfinished, image({ ordinal: 1, uid: 'gone' })],
    });
    expect(names(plan.start)).toEqual(['shop-web-0']);
    expect(plan.discard).toEqual([unfinished]);
    expect(plan.create.map(({ name, spec }) => [name, spec.template.name])).toEqual([
      ['shop-web-1', 'shop-web-1-1'],
    ]);
    expect([plan.replace, plan.remove, plan.update]).toEqual([[], [], []]);
  });

  it('keeps the disk of an appliance whose image is whole: it was not removed', () => {
    const { plan } = look({
      ...back,
      appliances: [one(0, 'off'), one(1, 'off')],
      images: [image(), image({ ordinal: 1 })],
    });
    expect(names(plan.start)).toEqual(['shop-web-0', 'shop-web-1']);
    expect([plan.replace, plan.discard]).toEqual([[], []]);
  });

  it('keeps the disk of one that stands on an image of an earlier recall', () => {
    const appliance = one(0, 'runs', { template: { name: 'shop-web-1' } });
    const { plan } = look({
      ...back,
      before: { recall: 2 },
      appliances: [appliance],
      images: [image({ uid: 'x' }), image({ recall: 2 })],
    });
    expect(plan.replace).toEqual([]);
  });

  it('does not start what a user stopped', () => {
    const stopped = anAppliance({
      metadata: { name: 'shop-web-0' },
      spec: { hostName: 'host-a', powerState: 'Stopped' },
    });
    expect(look({ ...back, appliances: [stopped] }).plan.start).toEqual([]);
  });
});

describe('one service of two', () => {
  let found: ReturnType<typeof look>;
  beforeEach(() => {
    const services = [aService({ state: 'Recalled' }), aService({ name: 'db' })];
    found = look({ spec: { state: 'Deployed', services }, appliances: [one(0, 'runs')] });
  });

  it('is recalled, and the other runs', () => {
    expect(names(found.plan.stop)).toEqual(['shop-web-0']);
    expect(found.plan.create.map(({ name }) => name)).toEqual(['shop-db-0']);
    expect(found.services.map(({ state }) => state)).toEqual(['Recalling', 'Deployed']);
  });

  it('is what the condition Recalled speaks of', () => {
    expect(recalledCondition(found)).toMatchObject({ status: 'False', reason: 'Recalling' });
    const services = found.services.map((one) =>
      one.name === 'web' ? { ...one, state: 'Recalled' as const, appliances: [] } : one,
    );
    expect(recalledCondition({ ...found, services })).toMatchObject({
      status: 'True',
      reason: 'ServicesRecalled',
    });
  });
});
