import { describe, expect, it } from 'vitest';
import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { cachesOf } from '../../test/builders/caches.ts';
import { anAppliance, anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, LAYER } from '../../test/builders/reports.ts';
import type { OperatorContext } from '../context.ts';
import { HostViews } from '../daemons/view.ts';
import { progressOf } from './build.ts';
import { withChosenParent } from './choose-parent.ts';

type Build = NonNullable<Template['spec']['source']['build']>;
type BuildState = NonNullable<VirtualAppliance['status']>['build'];

const never = new AbortController().signal;
const STEPS: Build['steps'] = [{ name: 'install', run: 'true' }];
const CONFIG = { configMap: { name: 'files', key: 'a' } };
const SECRET = { secret: { name: 'token' } };
const conflict = new ApiError({ status: 409, reason: 'AlreadyExists', message: 'taken' });

const parent = anImportedTemplate();

function built(name: string, build: Partial<Build> = {}, status?: Template['status']): Template {
  const source = { parent: { name: 'debian' }, build: { resources: {}, steps: STEPS, ...build } } as const;
  const metadata = { name, uid: `uid-${name}`, creationTimestamp: '2026-01-01T00:00:00Z' };
  return aTemplate({
    metadata,
    spec: { source: source as Template['spec']['source'] },
    ...(status === undefined ? {} : { status }),
  });
}

/** The appliance in which the template is built. */
function builder(
  template: Template,
  build?: BuildState,
  owner = template.metadata.uid ?? '',
): VirtualAppliance {
  const { name } = template.metadata;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Template', name, uid: owner, controller: true }];
  return anAppliance({
    metadata: { name: `${name}-build`, uid: 'uid-builder', ownerReferences },
    spec: { build: { template: name, key: 'the key' }, hostName: 'host-a' },
    ...(build === undefined ? {} : { status: { observedGeneration: 1, build } }),
  });
}

interface World {
  readonly parents?: readonly Template[];
  readonly others?: readonly Template[];
  readonly appliances?: readonly VirtualAppliance[];
  readonly configMap?: Readonly<Record<string, string>>;
  readonly secretVersion?: string;
  readonly seal?: 'Capturing' | 'Sealing' | 'Failed';
  readonly isTaken?: boolean;
}

async function progress(template: Template, world: World = {}) {
  const { parents = [parent], others = [], appliances = [], configMap, secretVersion, seal } = world;
  const calls: string[] = [];
  let made: VirtualAppliance | undefined;
  const views = new HostViews();
  views.open('host-a', 0);
  const uuid = template.metadata.uid ?? '';
  const seals = seal === undefined ? [] : [{ uuid, appliance: 'uid-gone', state: seal }];
  views.replace('host-a', { status: aHostReport({ seals }), appliances: [] }, 0);
  const client = {
    create: async (_: unknown, object: VirtualAppliance) => {
      if (world.isTaken === true) throw conflict;
      made = object;
      return object;
    },
    find: async (ref: { kind: string }) => {
      if (ref.kind === 'VirtualAppliance') return builder(template, undefined, 'uid-other');
      if (ref.kind === 'Secret') {
        if (secretVersion === undefined) return undefined;
        return {
          metadata: { uid: 'uid-token', resourceVersion: secretVersion },
          data: { token: 'c2VjcmV0' },
        };
      }
      return configMap && { metadata: { uid: 'uid-files', resourceVersion: '7' }, data: configMap };
    },
    delete: async (_: unknown, { name }: { name: string }) => void calls.push(`delete ${name}`),
  };
  const context = {
    client,
    views,
    caches: cachesOf({ templates: [template, ...parents, ...others], appliances }),
    links: { client: () => ({ deleteSeal: async () => void calls.push('delete seal') }) },
  } as unknown as OperatorContext;
  const first = await progressOf(context, template, never);
  if (first?.obstacle?.message !== 'its build begins') return { found: first, made, calls };
  expect(made).toBeUndefined();
  calls.length = 0;
  const build = { state: 'Waiting' as const, ...template.status?.build, ...first.status };
  const told = { ...template, status: { ...template.status, build } };
  return { found: await progressOf(context, told, never), made, calls };
}

const obstacleOf = async (template: Template, world?: World) =>
  (await progress(template, world)).found?.obstacle;
const keyOf = async (build: Partial<Build>, world?: World) =>
  (await progress(built('a', build), world)).found?.status.key;

describe('the build of a template', () => {
  it('is none of one that has an image', async () => {
    expect((await progress(aTemplate())).found).toBeUndefined();
  });

  it('is done in an appliance of its parent, which it owns', async () => {
    const template = built('child', { diskSize: '4Gi', network: { pool: 'lan' } });
    const { found, made } = await progress(template);
    expect(made).toMatchObject({
      metadata: { name: 'child-build', ownerReferences: [{ uid: 'uid-child', controller: true }] },
      spec: {
        template: { name: 'debian', namespace: 'default' },
        build: { template: 'child', key: found?.status.key, inputs: [] },
        disk: { size: '4Gi' },
        network: { pool: 'lan' },
      },
    });
    expect(found).toMatchObject({ status: { state: 'Waiting', appliance: 'child-build' }, isBuilt: false });
  });

  it('stands on the newest of a series, or waits for one', async () => {
    const template = built('child');
    const source = { ...template.spec.source, parent: { series: 'debian', namespace: 'images' } };
    const wanting = { ...template, spec: { ...template.spec, source } };
    const of = (version: string, isReady = true, namespace = 'images') => {
      const status = isReady ? ('True' as const) : ('False' as const);
      const ready = { type: 'Ready', status, reason: 'x', message: '', lastTransitionTime: '' };
      return aTemplate({
        metadata: { name: `debian-${version}`, namespace, uid: `uid-${version}` },
        spec: { series: 'debian', version, sharing: { scope: 'Cluster' } },
        status: { conditions: [ready] },
      });
    };
    const known = [of('11'), of('12'), of('13', false), of('14', true, 'other')];
    expect(withChosenParent(wanting, () => known).status?.parent).toEqual({
      name: 'debian-12',
      namespace: 'images',
    });
    const none = await progress(wanting, { parents: [of('13', false)] });
    expect(none.found).toMatchObject({
      status: { state: 'Waiting' },
      obstacle: { reason: 'TemplateNotReady' },
    });
    const pinned = { ...wanting, status: { parent: { name: 'debian', namespace: 'default' } } };
    expect(withChosenParent(pinned, () => known)).toBe(pinned);
    expect((await progress(pinned)).made?.spec.template).toEqual({ name: 'debian', namespace: 'default' });
  });

  it.each<[string, World, string]>([
    ['its parent has no layer yet', { parents: [aTemplate()] }, 'ParentNotReady'],
    ['somebody else has the name of its appliance', { isTaken: true }, 'NameConflict'],
  ])('waits when %s', async (_, world, reason) => {
    expect(await obstacleOf(built('child'), world)).toMatchObject({ reason });
  });

  it('does not begin on a parent that goes', async () => {
    const going = { ...parent, metadata: { ...parent.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const { found, made } = await progress(built('child'), { parents: [going] });
    expect([found?.obstacle?.reason, made]).toEqual(['TemplateDeleting', undefined]);
  });

  it('says which ConfigMap, Secret or entry is missing', async () => {
    const copying = (from: object) => built('child', { steps: [{ copy: { from, to: '/x' } }] });
    const said = async (from: object, world?: World) => (await obstacleOf(copying(from), world))?.message;
    expect(await said(CONFIG)).toBe('step 1 copies ConfigMap default/files, which does not exist: create it');
    expect(await said(CONFIG, { configMap: { b: '' } })).toContain(
      'entry a of ConfigMap default/files, which',
    );
    expect(await said({ configMap: { name: 'files' } }, { configMap: {} })).toContain(
      'an entry in ConfigMap',
    );
    expect(await said(SECRET)).toContain('step 1 copies Secret default/token, which does not exist');
  });

  it('has a key that follows from all that makes the layer what it is', async () => {
    const key = await keyOf({});
    expect(await keyOf({ steps: [{ name: 'other', run: 'true', timeoutSeconds: 5 }] })).toBe(key);
    const others: readonly (readonly [Partial<Build>, World?])[] = [
      [{ steps: [{ run: 'false' }] }],
      [{ steps: [{ reboot: true }] }],
      [{ revision: '2' }],
      [{ clean: ['/x'] }],
      [{ diskSize: '4Gi' }],
      [{}, { parents: [anImportedTemplate({ status: { layers: { disk: '2'.repeat(64) } } })] }],
    ];
    for (const [build, world] of others) expect(await keyOf(build, world)).not.toBe(key);
  });

  it('has another key when a ConfigMap has another content, or a Secret is another one', async () => {
    const copy = (from: object): Partial<Build> => ({ steps: [{ copy: { from, to: '/x' } }] });
    const keyWith = (configMap: Readonly<Record<string, string>>) => keyOf(copy(CONFIG), { configMap });
    expect(await keyWith({ a: '1', b: '1' })).toBe(await keyWith({ a: '1', b: '2' }));
    expect(await keyWith({ a: '2' })).not.toBe(await keyWith({ a: '1' }));
    const keyAt = (secretVersion: string) => keyOf(copy(SECRET), { secretVersion });
    expect(await keyAt('1')).toBe(await keyAt('1'));
    expect(await keyAt('2')).not.toBe(await keyAt('1'));
  });

  it('is shared with templates of its namespace that build the same', async () => {
    const key = await keyOf({});
    const elder = (status: Template['status'], namespace = 'default') => {
      const other = built('elder', {}, { ...status, build: { key: key ?? '', host: 'host-b' } });
      const creationTimestamp = '2025-01-01T00:00:00Z';
      return { ...other, metadata: { ...other.metadata, namespace, creationTimestamp } };
    };
    const has = await progress(built('a'), { others: [elder({ layers: { disk: LAYER } })] });
    const done = { state: 'Done', sharedWith: 'elder', host: 'host-b', key };
    expect(has.found).toMatchObject({ shared: LAYER, status: done });
    expect(has.made).toBeUndefined();
    const builds = await progress(built('a'), { others: [elder({})] });
    expect(builds.found).toMatchObject({ status: { state: 'Waiting' }, obstacle: { reason: 'Building' } });
    expect(builds.made).toBeUndefined();
    expect(
      (await progress(built('a'), { others: [elder({ layers: { disk: LAYER } }, 'other')] })).made,
    ).toBeDefined();
  });

  it('is given up when another template finished the same one first, unless it is done', async () => {
    const finished = built('other', {}, { layers: { disk: LAYER }, build: { key: 'the key' } });
    const at = (state: NonNullable<BuildState>['state']) =>
      progress(child, { others: [finished], appliances: [builder(child, { state })] });
    const { found, calls } = await at('Building');
    expect(calls).toEqual(['delete child-build']);
    expect(found).toMatchObject({ shared: LAYER, status: { state: 'Done', sharedWith: 'other' } });
    expect(await at('Built')).toMatchObject({ found: { isBuilt: true }, calls: [] });
  });

  it('is not begun while the same is being built for another template, though that is younger', async () => {
    const key = (await keyOf({})) ?? '';
    const younger = built('younger', {}, { build: { key, state: 'Building', appliance: 'younger-build' } });
    const metadata = { ...younger.metadata, creationTimestamp: '2027-01-01T00:00:00Z' };
    const { found, made } = await progress(built('a'), { others: [{ ...younger, metadata }] });
    expect(found).toMatchObject({ status: { state: 'Waiting', sharedWith: 'younger' } });
    expect(made).toBeUndefined();
  });

  const child = built('child');
  const step = { step: 2, steps: 5, name: 'install', attempt: 1 };

  it('says at which step it is, and on which host', async () => {
    const { found } = await progress(child, { appliances: [builder(child, { state: 'Building', ...step })] });
    expect(found?.status).toEqual({
      key: 'the key',
      appliance: 'child-build',
      host: 'host-a',
      state: 'Building',
      ...step,
    });
    expect(found?.obstacle?.message).toBe(
      'host host-a is at step 2 of 5 (install): `coppice template logs -f child` shows it',
    );
  });

  it('is over for good when a step has failed', async () => {
    const failure = { reason: 'BuildStepFailed', message: 'step 2 of 5 ended with exit code 7: no' };
    const state = { state: 'Failed', ...step, failure } as const;
    const { found, made } = await progress(child, { appliances: [builder(child, state)] });
    expect(found?.obstacle).toMatchObject({ reason: 'BuildStepFailed', isStalled: true });
    expect(found?.obstacle?.message).toContain(
      'ended with exit code 7: no (appliance default/child-build on host host-a',
    );
    expect(made).toBeUndefined();
  });

  it('may be sealed when all is done, and its appliance goes when the layer is there', async () => {
    const appliances = [builder(child, { state: 'Built', ...step })];
    expect((await progress(child, { appliances })).found).toMatchObject({ isBuilt: true });
    const ready = built(
      'child',
      {},
      { layers: { disk: LAYER }, build: { key: 'the key', appliance: 'child-build', host: 'host-a' } },
    );
    const { found, calls } = await progress(ready, { appliances });
    expect(calls).toEqual(['delete child-build']);
    expect(found).toMatchObject({
      status: { key: 'the key', state: 'Done', host: 'host-a' },
      isBuilt: false,
    });
    expect(found?.status.appliance).toBeUndefined();
    const stranger = builder(child, { state: 'Built' }, 'uid-other');
    expect((await progress(ready, { appliances: [stranger] })).calls).toEqual([]);
  });

  it('uses no appliance that is not its own', async () => {
    const stranger = builder(child, { state: 'Built' }, 'uid-other');
    expect(await obstacleOf(child, { appliances: [stranger] })).toMatchObject({
      reason: 'NameConflict',
      isStalled: true,
    });
  });

  it('waits for the layer of an appliance that is gone, and begins again when there will be none', async () => {
    const kept = await progress(child, { seal: 'Sealing' });
    expect([kept.found?.status, kept.made, kept.calls]).toEqual([
      { state: 'Built', host: 'host-a' },
      undefined,
      [],
    ]);
    for (const seal of ['Failed', 'Capturing'] as const) {
      const { made, calls } = await progress(child, { seal });
      expect(calls).toEqual(['delete seal']);
      expect(made).toBeDefined();
    }
  });
});
