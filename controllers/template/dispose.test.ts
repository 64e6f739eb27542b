import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { aDeployment, anAppliance, aService, aTemplate } from '../../test/builders/objects.ts';
import { dispose } from './dispose.ts';

/** What was deleted by name, when the API server has these objects. */
async function disposing(template: Template, ...stored: readonly KubeObject[]) {
  const deleted: unknown[] = [];
  const client = {
    list: async ({ kind }: ResourceRef) => ({
      items: stored.filter((one) => one.kind === kind),
      resourceVersion: '9',
    }),
    delete: async (_ref: unknown, name: unknown, options: object) => void deleted.push([name, options]),
  } as unknown as KubeClient;
  const { signal } = new AbortController();
  const wasDeleted = await dispose(client, template, signal);
  expect(wasDeleted).toBe(deleted.length === 1);
  return deleted;
}

describe('a template whose time has come', () => {
  const child = aTemplate({ metadata: { name: 'child' }, spec: { source: { parent: { name: 'debian' } } } });
  const recalled = aDeployment({
    spec: { services: [aService({ template: { series: 'debian' } })] },
    status: { services: [{ name: 'web', template: 'default/debian' }] },
  });

  it('is deleted as the operator knows it, and no other of its name', async () => {
    expect(
      await disposing(aTemplate(), aTemplate(), anAppliance({ spec: { template: { name: 'other' } } })),
    ).toEqual([
      [
        { name: 'debian', namespace: 'default' },
        expect.objectContaining({ preconditions: { uid: 'uid-debian', resourceVersion: '1' } }),
      ],
    ]);
  });

  it.each<[string, KubeObject]>([
    ['an appliance', anAppliance()],
    ['a child', child],
    ['a task', aDeployment()],
    ['a task that has chosen it from its series', recalled],
  ])('stays for %s that the cache does not show', async (_name, user) => {
    expect(await disposing(aTemplate(), aTemplate(), user)).toEqual([]);
  });

  it('stays as the image of a task from which that starts again, and not as one of an earlier recall', async () => {
    const recalled = {
      task: 'shop',
      service: 'web',
      ordinal: 0,
      recall: 2,
      machine: 'uid-web-0',
      template: { name: 'other' },
      shutdown: 'Clean',
    } as const;
    const image = aTemplate({ spec: { recalled } });
    const services = [aService({ template: { name: 'other' } })];
    const recalledTask = (recall: number) =>
      aDeployment({ spec: { services }, status: { services: [{ name: 'web', recall }] } });
    expect(await disposing(image, recalledTask(1))).toEqual([]);
    expect(await disposing(image, recalledTask(2))).toEqual([]);
    expect(await disposing(image, recalledTask(3))).toHaveLength(1);
    expect(await disposing(image)).toHaveLength(1);
  });
});
