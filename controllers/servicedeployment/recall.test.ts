import { beforeEach, describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { anAppliance, aService } from '../../test/builders/objects.ts';
import { base, image, look, names, one, type Scene } from '../../test/builders/recalls.ts';
import { recalledCondition } from './recall-status.ts';

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

  it('makes one layer of all when an image would stand on more than there may be', () => {
    const deep = image({ recall: 11 });
    const boot = { kernel: { url: 'file:///k', sha256: 'a'.repeat(64) }, commandLine: '' };
    const parent = {
      ...deep,
      spec: { ...deep.spec, guest: { ...deep.spec.guest, boot } },
      status: { ...deep.status, depth: 12 },
    };
    const { plan } = look({
      appliances: [one(0, 'off', { template: { name: 'shop-web-11' } })],
      images: [parent],
    });
    expect(plan.save.map(({ template }) => template.spec)).toMatchObject([
      { source: { appliance: { name: 'shop-web-0', flat: true } }, guest: { boot } },
    ]);
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
