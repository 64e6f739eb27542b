import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findCondition } from '../../../src/api/conditions.ts';
import {
  SERVICE_DEPLOYMENTS,
  TEMPLATE_FOLLOWS,
  TEMPLATE_LABELS,
  TEMPLATES,
  type TemplateFollow,
  type TemplateLabel,
} from '../../../src/api/kinds.ts';
import { EVENTS } from '../../../src/kube/events/event-record.ts';
import { expectStanding, READY, RECONCILING } from '../../expectations/conditions.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

/** The operator writes a status within a fraction of this. */
const SETTLED_MS = 1_000;
const SHARED = { sharing: { scope: 'Cluster' } };

describe('labels of templates', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
    await world.addNamespace('images');
    await world.startOperator();
  });
  afterEach(async () => {
    for (const ref of [TEMPLATE_LABELS, TEMPLATE_FOLLOWS]) {
      for (const { metadata } of (await world.kube.list<TemplateLabel | TemplateFollow>(ref)).items)
        await world.kube.delete(ref, metadata);
    }
    await world.clear();
  });
  afterAll(() => world.stop());

  const addLabel = async (name: string, spec: Partial<TemplateLabel['spec']>, namespace = 'default') =>
    await world.kube.create(TEMPLATE_LABELS, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'TemplateLabel',
      metadata: { name, namespace },
      spec: { title: name, owner: 'ann', ...spec },
    } as TemplateLabel);
  const follow = async (user: string, labels: string[], namespace = 'default') =>
    await world.kube.create(TEMPLATE_FOLLOWS, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'TemplateFollow',
      metadata: { name: user, namespace },
      spec: { user, labels },
    } as TemplateFollow);
  const label = (name: string, namespace = 'default') => world.kube.get(TEMPLATE_LABELS, { namespace, name });
  const saysOfTask = (name: string, standing: typeof READY, reason: string) =>
    eventually(`${name} says ${reason}`, async () =>
      expectStanding((await world.deployment(name)).status?.conditions, standing, reason),
    );

  it('say which templates have them, what is missing, and how many follow', async () => {
    await addLabel('lamp', {
      templates: ['debian'],
      selector: { matchLabels: { 'facts.coppice.dev/os': 'linux' } },
    });
    await follow('bea', ['default/lamp', 'default/none']);
    expect(
      await eventually('the template is missed', async () =>
        expectStanding((await label('lamp')).status?.conditions, RECONCILING, 'TemplateNotFound'),
      ),
    ).toContain('these templates of spec.templates do not exist: default/debian');
    await world.addTemplate('debian');
    await world.addTemplate('other');
    await eventually('both have it', async () => {
      const { status } = await label('lamp');
      expectStanding(status?.conditions, READY, 'Available');
      expect(status).toMatchObject({ templates: 2, followers: 0 });
      expect(status).not.toHaveProperty('missing');
    });
    // A private label is no label to those who follow it.
    const own = () => world.kube.get(TEMPLATE_FOLLOWS, { namespace: 'default', name: 'bea' });
    await eventually('neither can be followed', async () => {
      const { status } = await own();
      expectStanding(status?.conditions, RECONCILING, 'LabelNotFound');
      expect(status).toMatchObject({ labels: 0, missing: ['default/lamp', 'default/none'] });
    });
    const name = { namespace: 'default', name: 'lamp' };
    await world.kube.patch(TEMPLATE_LABELS, name, { spec: { visibility: 'Namespace' } });
    await eventually('one can be followed', async () => {
      expect((await own()).status).toMatchObject({ labels: 1, missing: ['default/none'] });
      expect((await label('lamp')).status).toMatchObject({ followers: 1 });
    });
    const { items } = await world.kube.list(EVENTS, { namespace: 'default' });
    const reasons = items.map(
      (event) => event as unknown as { reason: string; regarding?: { kind: string } },
    );
    expect(reasons.some(({ reason }) => reason === 'TemplateNotFound')).toBe(true);
  });

  it('give tasks their templates, also those of another namespace, and keep what they gave', async () => {
    const spec = (version: string) => ({ series: 'debian', version, ...SHARED });
    await world.addTemplate('debian-1', { namespace: 'images', spec: spec('1') });
    await world.addTemplate('debian-2', { namespace: 'images', spec: spec('2') });
    await addLabel('base', { visibility: 'Cluster', templates: ['debian-1', 'debian-2'] }, 'images');
    await eventually('the operator has looked at both templates', async () => {
      for (const name of ['debian-1', 'debian-2']) {
        const { status } = await world.kube.get(TEMPLATES, { namespace: 'images', name });
        expect(findCondition(status?.conditions, 'Ready')).toBeDefined();
      }
    });
    await world.deploy('shop', { template: { label: 'base', namespace: 'images' } });
    await saysOfTask('shop', READY, 'Deployed');
    const chosen = async () => (await world.deployment('shop')).status?.services?.[0];
    const first = await chosen();
    expect(first).toMatchObject({
      template: 'images/debian-2',
      templateLabel: 'images/base',
      templateReason: 'the newest of 2 usable with label images/base, of which none was used yet',
    });
    const { metadata } = await world.appliance('shop-web-0');
    const name = { namespace: 'images', name: 'base' };
    await world.kube.patch(TEMPLATE_LABELS, name, {
      spec: { templates: ['debian-1'], visibility: 'Private' },
    });
    await world.kube.patch(
      SERVICE_DEPLOYMENTS,
      { namespace: 'default', name: 'shop' },
      { spec: { replicas: 2 } },
    );
    await eventually('the task has grown', async () => {
      const { template } = (await world.appliance('shop-web-1')).spec;
      expect(template).toEqual({ namespace: 'images', name: 'debian-2' });
    });
    expect((await chosen())?.templateReason).toBe(first?.templateReason);
    expect((await world.appliance('shop-web-0')).metadata.uid).toBe(metadata.uid);
  });

  it.each([
    ['a template', { name: 'secret', namespace: 'images' }],
    ['a series', { series: 'secret', namespace: 'images' }],
    [
      'labels of templates',
      { selector: { matchLabels: { 'facts.coppice.dev/os': 'linux' } }, namespace: 'images' },
    ],
    ['a TemplateLabel', { label: 'hidden', namespace: 'images' }],
  ])(
    'are like templates: a task that names %s learns nothing of what is not shared',
    async (_what, template) => {
      const told = async (task: string) => {
        const { status, metadata } = await world.deployment(task);
        expect(status?.observedGeneration).toBe(metadata.generation);
        const { items } = await world.kube.list(EVENTS, { namespace: 'default' });
        const ours = items.filter(({ involvedObject }) => involvedObject.name === task);
        expect(ours.length).toBeGreaterThan(0);
        return {
          conditions: status?.conditions?.map(({ lastTransitionTime: _, ...rest }) => rest),
          events: ours.map(({ reason, message, type }) => ({ reason, message, type })),
        };
      };
      /** A task of another name each time: what was said of the one before may be said again. Its status comes in steps. */
      const story = async (task: string) => {
        await world.deploy(task, { template });
        return await eventually('the task has said all', async () => {
          const said = await told(task);
          await delay(SETTLED_MS);
          expect(await told(task)).toEqual(said);
          return said;
        });
      };
      const without = await story('before');
      await world.addTemplate('secret', { namespace: 'images', spec: { series: 'secret', version: '1' } });
      await addLabel('hidden', { templates: ['secret'] }, 'images');
      await eventually('the template has its facts', async () => {
        const { metadata } = await world.kube.get(TEMPLATES, { namespace: 'images', name: 'secret' });
        expect(metadata.labels).toMatchObject({ 'facts.coppice.dev/os': 'linux' });
      });
      expect(await story('after')).toEqual(without);
    },
  );
});

describe('the facts about a template', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
    await world.addHost('host-a');
    await world.startOperator();
  });
  afterAll(() => world.stop());

  const name = { namespace: 'default', name: 'debian' };
  const facts = {
    'facts.coppice.dev/os': 'linux',
    'facts.coppice.dev/container': 'static-site',
    'facts.coppice.dev/depth': '1',
    'facts.coppice.dev/minimum-memory': '64Mi',
  };
  const labelled = (expected: Record<string, unknown>) =>
    eventually('its labels are so', async () => {
      const { metadata } = await world.kube.get(TEMPLATES, name);
      expect(metadata.labels).toMatchObject(expected);
      return metadata;
    });

  it('become labels, come back, go when they are none, and touch no others', async () => {
    const { spec } = await world.addTemplate('debian', {
      spec: { guest: { minimumMemory: '64Mi' }, container: { type: 'static-site', name: 'web' } },
    });
    await labelled({ ...facts, 'facts.coppice.dev/container-name': 'web' });
    // As kubectl label does, and as a GitOps tool applies what it has.
    await world.kube.patch(TEMPLATES, name, {
      metadata: { labels: { tier: 'base', 'facts.coppice.dev/os': 'bsd' } },
    });
    await labelled({ ...facts, tier: 'base' });
    const manifest = {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Template',
      metadata: { ...name, labels: { team: 'a' } },
      spec: { ...spec, container: { type: 'static-site' } },
    };
    await world.kube.apply(TEMPLATES, manifest, { fieldManager: 'gitops' });
    await world.kube.patch(TEMPLATES, name, { spec: { container: { name: null } } });
    const { labels, managedFields } = await eventually('a fact has gone', async () => {
      const { metadata } = await world.kube.get(TEMPLATES, name);
      expect(metadata.labels).not.toHaveProperty(['facts.coppice.dev/container-name']);
      return metadata;
    });
    expect(labels).toMatchObject({ ...facts, tier: 'base', team: 'a' });
    const ours = managedFields?.find(({ manager }) => manager === 'coppice-facts');
    expect(ours).toMatchObject({ operation: 'Apply' });
    expect(Object.keys(ours?.fieldsV1 ?? {})).toEqual(['f:metadata']);
  });

  it('are written once, and not again when the operator is replaced', async () => {
    const { resourceVersion } = await labelled(facts);
    await world.stopOperator();
    await world.startOperator();
    await world.addTemplate('other');
    await eventually('the new operator works', async () => {
      const { metadata } = await world.kube.get(TEMPLATES, { ...name, name: 'other' });
      expect(metadata.labels).toMatchObject({ 'facts.coppice.dev/depth': '1' });
    });
    expect((await world.kube.get(TEMPLATES, name)).metadata.resourceVersion).toBe(resourceVersion);
  });
});
