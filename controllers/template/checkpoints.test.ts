import { describe, expect, it } from 'vitest';
import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { cachesOf } from '../../test/builders/caches.ts';
import { anAppliance, anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { LAYER } from '../../test/builders/reports.ts';
import type { OperatorContext } from '../context.ts';
import { keepCheckpoints, removeCheckpoints } from './checkpoints.ts';

const never = new AbortController().signal;
const SMALL = { cpu: '50m', memory: '96Mi' };
const NAME = 'debian-checkpoint-1x96';
const kept = (sizes: readonly object[] = [SMALL], enabled = true): Template =>
  anImportedTemplate({ metadata: { uid: 'uid-debian' }, spec: { checkpoint: { enabled, sizes } as never } });
const owned = (uid = 'uid-debian') => [
  { apiVersion: 'coppice.dev/v1alpha1', kind: 'Template', name: 'debian', uid, controller: true },
];
const condition = (type: string, status: 'True' | 'False', message: string) => ({
  ...{ type, status, reason: 'Any', message, lastTransitionTime: '2026-01-01T00:00:00Z' },
});

/** The appliance whose VM is saved, at a step. */
function booting(step: string, owner?: string): VirtualAppliance {
  return anAppliance({
    metadata: { name: NAME, uid: 'uid-booting', ownerReferences: owned(owner) },
    status: {
      conditions: [condition('Ready', 'False', 'its host is at step Start')],
      steps: [{ name: step, state: 'Done' }] as never,
    },
  });
}

/** The template that is made of it. */
function saved(ready: 'True' | 'False', name = NAME, deletionTimestamp?: string): Template {
  const ownerReferences = owned();
  const going = deletionTimestamp === undefined ? {} : { deletionTimestamp };
  return aTemplate({
    metadata: { name, uid: `uid-${name}`, ownerReferences, ...going },
    spec: { source: { appliance: { name, memory: true } } },
    status: {
      conditions: [condition('Ready', ready, 'host-a reads the memory')],
      layers: { disk: LAYER },
      parent: { name: 'debian', namespace: 'default' },
    },
  });
}

interface World {
  readonly appliances?: readonly VirtualAppliance[];
  readonly templates?: readonly Template[];
  readonly isTaken?: boolean;
}

function worldOf(template: Template, { appliances = [], templates = [], isTaken = false }: World) {
  const made: object[] = [];
  const gone: string[] = [];
  const client = {
    create: async (_: unknown, object: object) => {
      if (isTaken) throw new ApiError({ status: 409, reason: 'AlreadyExists', message: 'taken' });
      made.push(object);
    },
    delete: async ({ kind }: { kind: string }, { name }: { name: string }) =>
      void gone.push(`${kind} ${name}`),
  };
  const caches = cachesOf({ templates: [template, ...templates], appliances });
  return { context: { client, caches } as unknown as OperatorContext, made, gone };
}

async function keep(template: Template, given: World = {}) {
  const { context, made, gone } = worldOf(template, given);
  return { states: await keepCheckpoints(context, template, never), made, gone };
}

describe('the checkpoints that a template keeps', () => {
  it('are none where they are not enabled', async () => {
    expect(await keep(kept([SMALL], false))).toEqual({ states: undefined, made: [], gone: [] });
  });

  it('begin with an appliance of the size, which the template controls', async () => {
    const { states, made } = await keep(kept());
    expect(made).toMatchObject([
      {
        kind: 'VirtualAppliance',
        metadata: {
          name: NAME,
          namespace: 'default',
          ownerReferences: [{ uid: 'uid-debian', controller: true }],
        },
        spec: { template: { name: 'debian' }, resources: SMALL, capturable: true },
      },
    ]);
    expect(states).toMatchObject([{ name: NAME, state: 'Booting' }]);
  });

  it('are one for each size of a VM, however it is written', async () => {
    const sizes = [
      SMALL,
      { cpu: 1, memory: '98304Ki' },
      { cpu: '1100m', memory: '96Mi' },
      { cpu: 1, memory: '1Gi' },
    ];
    const { states } = await keep(kept(sizes));
    const suffixes = ['1x96', '2x96', '1x1024'];
    expect(states?.map(({ name }) => name)).toEqual(suffixes.map((suffix) => `debian-checkpoint-${suffix}`));
  });

  it('wait until the appliance has booted, then are a template of its memory', async () => {
    const early = await keep(kept(), { appliances: [booting('Start')] });
    expect(early).toMatchObject({ states: [{ state: 'Booting' }], made: [] });
    expect(early.states?.[0]?.message).toContain('its host is at step Start');
    const late = await keep(kept(), { appliances: [booting('Configure')] });
    expect(late.states).toMatchObject([{ state: 'Saving' }]);
    expect(late.made).toMatchObject([
      { kind: 'Template', spec: { source: { appliance: { name: NAME, uid: 'uid-booting', memory: true } } } },
    ]);
  });

  it('are Ready, and the appliance goes, once a host has the layers', async () => {
    const appliances = [booting('Configure')];
    const saving = await keep(kept(), { appliances, templates: [saved('False')] });
    expect(saving).toMatchObject({ states: [{ state: 'Saving' }], made: [], gone: [] });
    const ready = await keep(kept(), { appliances, templates: [saved('True')] });
    expect(ready).toEqual({
      states: [{ name: NAME, state: 'Ready' }],
      made: [],
      gone: [`VirtualAppliance ${NAME}`],
    });
  });

  it('bear that the cache does not show what was made', async () => {
    expect((await keep(kept(), { isTaken: true })).states).toMatchObject([{ state: 'Booting' }]);
  });

  it('leave alone what somebody else has made under the name', async () => {
    const { states, made, gone } = await keep(kept(), { appliances: [booting('Configure', 'uid-other')] });
    expect([made, gone]).toEqual([[], []]);
    expect(states).toMatchObject([
      { state: 'Failed', message: expect.stringContaining('was not made for this') },
    ]);
  });

  it('are not what a person lets the template control', async () => {
    const own = {
      ...saved('True', 'mine'),
      spec: aTemplate({ spec: { source: { parent: { name: 'debian' } } } }).spec,
    };
    expect((await keep(kept([SMALL], false), { templates: [own] })).gone).toEqual([]);
  });

  it('go when their size is no longer asked for, or the template goes', async () => {
    const other = 'debian-checkpoint-2x512';
    const templates = [saved('True'), saved('True', other)];
    expect((await keep(kept(), { templates })).gone).toEqual([`Template ${other}`]);
    const { context, gone } = worldOf(kept(), { templates, appliances: [booting('Start')] });
    await removeCheckpoints(context, kept(), never);
    expect(gone).toEqual([`Template ${NAME}`, `Template ${other}`, `VirtualAppliance ${NAME}`]);
  });
});
