import { describe, expect, it } from 'vitest';
import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { cachesOf } from '../../test/builders/caches.ts';
import { anAppliance, anImportedTemplate } from '../../test/builders/objects.ts';
import { LAYER } from '../../test/builders/reports.ts';
import { HostViews } from '../daemons/view.ts';
import { grownFromKey, usedTemplateKeys } from '../objects/template-references.ts';
import { chooseStart } from './choose-start.ts';
import type { Scope } from './scope.ts';

const SIZE = { cpu: '50m', memory: '96Mi' };
const NAME = 'debian-checkpoint-1x96';
const MEMORY = { memory: '2'.repeat(64), state: '3'.repeat(64) };
const warm: Partial<VirtualAppliance['spec']> = {
  start: { from: 'Checkpoint' },
  resources: SIZE,
  hostName: 'host-a',
};

function debian(checkpoint: object = {}, status: object = {}): Template {
  return anImportedTemplate({
    metadata: { uid: 'uid-debian' },
    spec: { checkpoint: { enabled: false, ...checkpoint } },
    status: { layers: { disk: LAYER }, ...status },
  });
}
const keeping = debian({ enabled: true, sizes: [SIZE] }, { checkpoints: [{ name: NAME, state: 'Saving' }] });

function saved({ ready = 'True', owner = 'uid-debian', layers = MEMORY as object } = {}): Template {
  return anImportedTemplate({
    metadata: {
      name: NAME,
      uid: 'uid-saved',
      ownerReferences: [{ apiVersion: 'v1', kind: 'Template', name: 'debian', uid: owner, controller: true }],
    },
    spec: { source: { appliance: { name: NAME, memory: true } } },
    status: {
      layers: { disk: LAYER, ...layers },
      conditions: [
        {
          type: 'Ready',
          status: ready as 'True',
          reason: 'Any',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  });
}

async function choose(appliance: VirtualAppliance, template: Template, others: readonly Template[] = []) {
  const [patches, events]: [object[], string[]] = [[], []];
  const client = {
    patch: async (_ref: unknown, _name: unknown, patch: { status: VirtualAppliance['status'] }) => {
      patches.push(patch);
      return { ...appliance, status: { ...appliance.status, ...patch.status } };
    },
  };
  const recorder = { record: (_: unknown, { message }: { message: string }) => events.push(message) };
  const views = new HostViews();
  views.open('host-a', 0);
  const caches = cachesOf({ templates: [template, ...others] });
  const context = { client, recorder, caches };
  const signal = new AbortController().signal;
  const scope = { context, view: views.get('host-a'), appliance, template, signal } as unknown as Scope;
  expect(await chooseStart(scope)).toEqual({ type: 'done' });
  return { scope, start: scope.appliance.status?.start, patches, events };
}

describe('what an appliance continues from', () => {
  it('is asked only of one that is to continue', async () => {
    expect(
      (await choose(anAppliance({ spec: { ...warm, start: { from: 'ColdBoot' } } }), keeping)).patches,
    ).toEqual([]);
  });

  it('is the memory of its own template', async () => {
    const { start } = await choose(
      anAppliance({ spec: warm }),
      debian({}, { layers: { disk: LAYER, ...MEMORY } }),
    );
    expect(start).toEqual({ from: 'Checkpoint', template: 'debian' });
  });

  it('is the checkpoint of its size that its template keeps: it stands on that, and holds both', async () => {
    const { scope, start, events, patches } = await choose(anAppliance({ spec: warm }), keeping, [saved()]);
    expect(start).toEqual({ from: 'Checkpoint', template: NAME });
    expect(scope.template?.metadata.name).toBe(NAME);
    expect(grownFromKey(scope.appliance)).toBe(`default/${NAME}`);
    expect(usedTemplateKeys(scope.appliance)).toEqual(['default/debian', `default/${NAME}`]);
    expect(patches).toMatchObject([{ metadata: { uid: scope.appliance.metadata.uid } }]);
    expect(events).toEqual([]);
  });

  it.each([
    ['its template has no memory', debian(), [], 'set checkpoint.enabled'],
    ['the checkpoint is not saved yet', keeping, [saved({ ready: 'False' })], 'is not Ready'],
    ['somebody else made a template of the name', keeping, [saved({ owner: 'uid-other' })], 'is not Ready'],
    ['it has the disk alone', keeping, [saved({ layers: {} })], 'is not Ready'],
  ] as const)('is nothing where %s: it boots, and an Event says why', async (_, template, others, words) => {
    const { start, events, scope } = await choose(anAppliance({ spec: warm }), template, others);
    expect(start).toMatchObject({ from: 'ColdBoot', message: expect.stringContaining(words) });
    expect(events).toEqual([start?.message]);
    expect(scope.template?.metadata.name).toBe('debian');
  });

  it('is nothing for another size, which the message names, or in another namespace', async () => {
    const large = anAppliance({ spec: { ...warm, resources: { cpu: 2, memory: '1Gi' } } });
    expect((await choose(large, keeping, [saved()])).start?.message).toContain(
      'no checkpoint of 2 CPU and 1Gi',
    );
    const foreign = anAppliance({ metadata: { namespace: 'shop' }, spec: warm });
    expect((await choose(foreign, keeping, [saved()])).start?.message).toContain('is of another namespace');
  });

  it('is not decided before its template has layers: it may be a moment of a VM that is not saved yet', async () => {
    const unsaved = anImportedTemplate({
      spec: { source: { appliance: { name: 'first', memory: true } } },
      status: { layers: undefined },
    });
    const { events, patches } = await choose(anAppliance({ spec: warm }), unsaved);
    expect([patches, events]).toEqual([[], []]);
  });

  it('is decided once: what became Ready later changes nothing', async () => {
    const start = { from: 'ColdBoot', message: 'it boots' } as const;
    const before = anAppliance({ spec: warm, status: { start } });
    expect((await choose(before, keeping, [saved()])).patches).toEqual([]);
    const older = anAppliance({ spec: warm, status: { vm: { state: 'Running' } as never } });
    expect((await choose(older, keeping, [saved()])).patches).toEqual([]);
  });
});
