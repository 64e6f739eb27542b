import { beforeEach, describe, expect, it } from 'vitest';
import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { ANNOTATION_RECALL } from '../../src/api/labels.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { KubeObject } from '../../src/base/object.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { createExpectations } from '../../src/kube/controller/expectations.ts';
import { aDeployment, anAppliance, aService, aTemplate } from '../../test/builders/objects.ts';
import { carryOutRecall } from './carry-out-recall.ts';
import type { Dependencies } from './dependencies.ts';
import { wantedImage } from './new-image.ts';
import { NOTHING, type Plan } from './plan.ts';
import { UnobservedWrites } from './unobserved-writes.ts';

const deployment = aDeployment();
const appliance = anAppliance({ metadata: { name: 'shop-web-0', annotations: { other: 'one' } } });
const image = wantedImage(deployment, aService(), appliance, aTemplate(), 1);

describe('carrying out a recall', () => {
  let written: KubeObject[];
  let deleted: unknown[];
  let events: string[];
  let there: Template[];
  let unobserved: UnobservedWrites;

  beforeEach(() => {
    [written, deleted, events, there] = [[], [], [], []];
    unobserved = new UnobservedWrites();
  });

  const dependencies = (): Dependencies => ({
    expectations: createExpectations(systemClock),
    unobserved,
    recorder: { record: (_, { reason, message }) => void events.push(`${reason} ${message}`) },
    client: {
      create: async (_ref, object) => {
        if (there.some(({ metadata }) => metadata.name === object.metadata.name))
          throw new ApiError({ status: 409, reason: 'AlreadyExists', message: 'there' });
        written.push(object);
        return object;
      },
      replace: async (_ref, object) => {
        written.push(object);
        return object;
      },
      delete: async (_ref, { name }, options) => {
        deleted.push([name, options?.preconditions]);
      },
      find: async <T>(_ref: unknown, { name }: { readonly name: string }) =>
        there.find(({ metadata }) => metadata.name === name) as T | undefined,
    },
  });
  const run = (plan: Partial<Plan>) =>
    carryOutRecall(dependencies(), deployment, { ...NOTHING, ...plan }, new AbortController().signal);
  const named = (name: string, template: Template): Template => ({
    ...template,
    metadata: { ...template.metadata, name },
  });

  it('stops a VM with a mark, and takes both away again', async () => {
    await run({ stop: [appliance] });
    const [stopped] = written as VirtualAppliance[];
    expect(stopped?.spec.powerState).toBe('Stopped');
    expect(stopped?.metadata.annotations).toEqual({ other: 'one', [ANNOTATION_RECALL]: 'stopped' });
    expect(unobserved.has(appliance)).toBe(true);
    if (stopped === undefined) throw new Error('it was not written');
    await run({ start: [stopped] });
    expect(written[1]).toEqual(appliance);
  });

  it('makes an image once, also when the cache does not show it yet', async () => {
    await run({ save: [image] });
    expect(written.map(({ metadata }) => metadata.name)).toEqual(['shop-web-1']);
    expect(events).toEqual(['Saving images are being made: shop-web-1']);
    there = written as Template[];
    written = [];
    await run({ save: [image] });
    expect(written).toEqual([]);
    expect(events).toHaveLength(1);
  });

  it('takes another name when something else has the first', async () => {
    there = [aTemplate({ metadata: { name: 'shop-web-1' } })];
    await run({ save: [image] });
    expect(written.map(({ metadata }) => metadata.name)).toEqual([image.names[1]]);
  });

  it('tries again when others have both names', async () => {
    there = image.names.map((name) => aTemplate({ metadata: { name } }));
    await expect(run({ save: [image] })).rejects.toThrow(/other templates have the names/);
  });

  it('is its own image only if it is of the same appliance and recall', async () => {
    const { spec } = image.template;
    const recalled = { ...spec.recalled, recall: 2 } as NonNullable<Template['spec']['recalled']>;
    there = [named('shop-web-1', { ...image.template, spec: { ...spec, recalled } })];
    await run({ save: [image] });
    expect(written).toHaveLength(1);
  });

  it('gives up an image only as it was when that was decided', async () => {
    await run({ discard: [aTemplate({ metadata: { name: 'shop-web-1', uid: 'u', resourceVersion: '7' } })] });
    expect(deleted).toEqual([['shop-web-1', { uid: 'u', resourceVersion: '7' }]]);
  });
});
