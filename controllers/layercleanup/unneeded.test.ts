import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { aHost, anAppliance, anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { aLayer, anImport, aView, LAYER } from '../../test/builders/reports.ts';
import type { HostView } from '../daemons/view.ts';
import { Grace } from './grace.ts';
import { type Inventory, unneededOn } from './unneeded.ts';

const [PARENT, OTHER] = ['2', '3'].map((digit) => digit.repeat(64)) as [string, string];
const NOW = Date.parse('2026-01-01T00:00:00Z');

function found(views: readonly HostView[], world: Partial<Inventory> = {}) {
  const inventory: Inventory = {
    templates: [],
    appliances: [],
    hosts: views.map(({ name }) => aHost({ metadata: { name } })),
    views,
    ranked: views.map((view) => ({ view })),
    now: NOW,
    ...world,
  };
  return unneededOn(inventory).flatMap(({ host, seals, imports, layers }) => [
    ...seals.map((uuid) => `${host}: seal ${uuid}`),
    ...imports.map(({ namespace }) => `${host}: import of ${namespace}`),
    ...layers.map((identity) => `${host}: ${identity.charAt(0)}`),
  ]);
}

const having = (name: string, ...holds: readonly ReturnType<typeof aLayer>[]) => aView({ name, holds });
const used = (value: number): Template =>
  anImportedTemplate({
    status: { layers: { disk: LAYER }, popularity: { value, time: new Date(NOW).toISOString() } },
  });

describe('what nothing needs on a host', () => {
  const child = aLayer({ parent: PARENT });
  const parent = aLayer({ identity: PARENT });

  it('is what no template refers to, each layer before what it stands on', () => {
    const views = [having('a', parent, child), aView({ name: 'b', imported: [anImport()] })];
    expect(found(views)).toEqual(['a: 1', 'a: 2', 'b: import of default']);
  });

  it('is nothing that a template has, or that one of its layers stands on anywhere', () => {
    const views = [
      having('a', parent, child),
      having('b', parent),
      aView({ name: 'c', imported: [anImport()] }),
    ];
    expect(found(views, { templates: [anImportedTemplate()] })).toEqual([]);
  });

  it('is each copy of a template of mode Shared that a shared directory has, and no use of that directory', () => {
    const shared = anImportedTemplate({
      spec: { distribution: { ...aTemplate().spec.distribution, mode: 'Shared' } },
    });
    const inDirectory = ['a', 'b', 'c'].map((name) => having(name, aLayer({ shared: 'x' })));
    const own = having('d', aLayer());
    const held = having('e', aLayer({ heldBy: ['uid-web-0'] }));
    expect(found([...inDirectory, own, held], { templates: [shared] })).toEqual(['d: 1']);
    expect(found([own], { templates: [shared] })).toEqual([]);
  });

  it('is nothing that a layer stands on which another host fetches', () => {
    const fetching = { ...aLayer({ state: 'Fetching' }), kind: undefined } as unknown as typeof child;
    const views = [having('a', parent, child), having('b', parent, fetching)];
    expect(found(views, { templates: [anImportedTemplate()] })).toEqual([]);
  });

  it('is nothing that an appliance or a layer stands on, as the host says', () => {
    const held = aLayer({ parent: PARENT, heldBy: ['uid-web-0'] });
    expect(found([having('a', { ...parent, heldBy: [`layer ${LAYER}`] }, held)])).toEqual([]);
    expect(found([having('a', { ...parent, heldBy: [`layer ${LAYER}`] }, child)])).toEqual(['a: 1', 'a: 2']);
  });

  it('is nothing that an import became before its template says so', () => {
    const views = [aView({ name: 'a', imported: [anImport()] }), having('b', aLayer())];
    expect(found(views, { templates: [aTemplate()] })).toEqual([]);
    const ofAnother = aTemplate({ metadata: { namespace: 'other' } });
    expect(found(views, { templates: [ofAnother] })).toEqual(['a: import of default', 'b: 1']);
  });

  it('is nothing that the seal of a template became before that says so', () => {
    const seal = { uuid: 'uid-debian', appliance: 'uid-web-0', state: 'Ready', identity: LAYER } as const;
    const views = [aView({ name: 'a', holds: [parent, child], sealed: [seal] })];
    const source = { appliance: { name: 'web-0' } };
    expect(found(views, { templates: [aTemplate({ spec: { source } })] })).toEqual([]);
    const other = aTemplate({ metadata: { uid: 'another' }, spec: { source } });
    expect(found(views, { templates: [other] })).toEqual(['a: seal uid-debian', 'a: 1', 'a: 2']);
  });

  it('is a seal whose template is gone, once nothing is done for it', () => {
    const problem = { reason: 'DiskFull', message: 'no space' };
    const sealed = [
      { uuid: 'done', state: 'Ready', identity: LAYER },
      { uuid: 'failed', state: 'Failed', problem },
      { uuid: 'waits', state: 'Sealing', problem },
      { uuid: 'runs', state: 'Capturing' },
      { uuid: 'uid-debian', state: 'Ready', identity: OTHER },
    ] as const;
    const views = [aView({ name: 'a', sealed })];
    const templates = [aTemplate()];
    expect(found(views, { templates })).toEqual(['a: seal done', 'a: seal failed', 'a: seal waits']);
    const link = { state: 'broken', since: 0, problem } as const;
    expect(found([aView({ name: 'a', link, sealed })], { templates })).toEqual([]);
  });

  it('is not looked for on hosts that are away, nor told for sure while one may know more', () => {
    const problem = { reason: 'HostUnreachable', message: 'it does not answer' };
    const away = aView({ name: 'z', link: { state: 'broken', since: 0, problem }, holds: [parent] });
    expect(found([having('a', parent), away])).toEqual(['a: 2']);
    // The layer of this template may stand on any: only the host that is away can say.
    const templates = [anImportedTemplate()];
    expect(found([having('a', parent), away], { templates })).toEqual([]);
    expect(found([having('a', parent, aLayer()), away], { templates })).toEqual(['a: 2']);
    expect(found([having('a', parent, child), away], { templates })).toEqual([]);
    expect(found([having('a', parent), having('z')], { templates })).toEqual(['a: 2']);
    const unheard = aHost({ metadata: { name: 'new' } });
    expect(found([having('a', parent)], { templates, hosts: [unheard] })).toEqual([]);
  });

  describe('is the surplus of copies', () => {
    const views = ['a', 'b', 'c', 'd', 'e'].map((name) => having(name, aLayer()));
    const surplus = (template: Template, world: Partial<Inventory> = {}) =>
      found(views, { templates: [template], ...world });

    it('when there are more than for twice the popularity, the last in placement’s order first', () => {
      expect(surplus(used(5))).toEqual(['e: 1', 'd: 1'].sort());
      expect(surplus(used(11))).toEqual([]);
      expect(surplus(used(0))).toHaveLength(4);
    });

    it('and never that of the host that built it, where the log of the build is', () => {
      const built = used(0);
      built.status = { ...built.status, build: { state: 'Done', host: 'd' } };
      expect(surplus(built)).toEqual(['a: 1', 'b: 1', 'c: 1', 'e: 1']);
    });

    it('never the only whole one that is left', () => {
      const failing = aLayer({ state: 'Failed' });
      expect(found([having('a', aLayer()), having('b', failing)], { templates: [used(0)] })).toEqual([]);
    });

    it('but where an appliance is bound, or while one waits for a host', () => {
      const bound = anAppliance({ spec: { hostName: 'e' } });
      expect(surplus(used(5), { appliances: [bound] })).toEqual(['c: 1', 'd: 1']);
      expect(surplus(used(0), { appliances: [anAppliance()] })).toEqual([]);
    });

    it('nor while a host fetches it, since it may come from any', () => {
      const fetching = having('f', aLayer({ state: 'Fetching' }));
      expect(found([...views, fetching], { templates: [used(0)] })).toEqual([]);
    });

    it('nor what the layer of an appliance that is bound there stands on, before the host knows of that', () => {
      const base = anImportedTemplate({ metadata: { name: 'base' }, status: { layers: { disk: PARENT } } });
      const source = { parent: { name: 'base' } };
      const top = anImportedTemplate({ spec: { source }, status: { layers: { disk: LAYER } } });
      const all = ['a', 'b', 'c'].map((name) => having(name, parent));
      const templates = [base, top];
      expect(found(all, { templates })).toEqual(['b: 2', 'c: 2']);
      const appliances = [anAppliance({ spec: { hostName: 'c' } })];
      expect(found(all, { templates, appliances })).toEqual(['b: 2']);
    });

    it('nor of a template that is deleted, nor where another one has it as well', () => {
      const deleted = used(0);
      deleted.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
      expect(surplus(deleted)).toEqual([]);
      expect(found(views, { templates: [used(0), used(100)] })).toEqual([]);
    });

    it('nor on hosts that take no appliances', () => {
      const ranked = views.slice(0, 2).map((view) => ({ view }));
      expect(surplus(used(0), { ranked })).toEqual(['b: 1']);
    });
  });

  it('has a parent that no template names only as long as something stands on it', () => {
    const views = [having('a', parent), having('b', aLayer({ identity: OTHER, parent: PARENT }))];
    const templates = [anImportedTemplate({ status: { layers: { disk: OTHER } } })];
    expect(found(views, { templates })).toEqual([]);
    expect(found(views)).toEqual(['a: 2', 'b: 3']);
  });
});

describe('the grace', () => {
  it('begins again for what was needed in between', () => {
    const grace = new Grace(100);
    expect(grace.see(['a', 'b'], 0).size).toBe(0);
    expect(grace.see(['a'], 60).size).toBe(0);
    expect([...grace.see(['a', 'b'], 100)]).toEqual(['a']);
    expect([...grace.see(['a', 'b'], 199)]).toEqual(['a']);
    expect([...grace.see(['a', 'b'], 200)]).toEqual(['a', 'b']);
  });
});
