import { describe, expect, it } from 'vitest';
import { anAppliance, aService } from '../../test/builders/objects.ts';
import { image, look, names, one } from '../../test/builders/recalls.ts';
import { recalledCondition } from './recall-status.ts';

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
