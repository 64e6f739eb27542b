import { describe, expect, it } from 'vitest';
import { ANNOTATION_VERIFY } from '../../src/api/labels.ts';
import type { LayerStatus } from '../../src/host/protocol.ts';
import { cachesOf } from '../../test/builders/caches.ts';
import { anImportedTemplate } from '../../test/builders/objects.ts';
import { aLayer, aView, LAYER } from '../../test/builders/reports.ts';
import type { OperatorContext } from '../context.ts';
import type { HostView } from '../daemons/view.ts';
import { verificationOf, verify } from './verify.ts';

const REQUEST = 'now';
const never = new AbortController().signal;
const asked = anImportedTemplate({ metadata: { annotations: { [ANNOTATION_VERIFY]: REQUEST } } });

const read = (
  state: 'Running' | 'Sound' | 'Damaged' | 'Failed',
  more: object = {},
): Partial<LayerStatus> => ({
  verification: { request: REQUEST, state, doneBytes: 1, totalBytes: 2, ...more },
});
const host = (
  name: string,
  layer: Partial<LayerStatus> = {},
  link: HostView['link'] = { state: 'connected' },
) => aView({ name, link, holds: [aLayer(layer)] });

function contextOf(views: readonly HostView[]) {
  const calls: string[] = [];
  const client = (name: string) => ({
    verifyLayer: async (identity: string, { request }: { request: string }) =>
      void calls.push(`${name} ${identity} ${request}`),
  });
  const context = {
    caches: cachesOf({ templates: [asked] }),
    views: { list: () => views },
    links: { client },
  } as unknown as OperatorContext;
  return { context, calls };
}

describe('the verification of a template', () => {
  it('is none when nobody asked for it', async () => {
    const { context, calls } = contextOf([host('a')]);
    expect(verificationOf(anImportedTemplate(), context)).toBeUndefined();
    await verify(anImportedTemplate(), context, never);
    expect(calls).toEqual([]);
  });

  it('asks each host that has a layer and answers, once', async () => {
    const { context, calls } = contextOf([
      host('a'),
      host('b', read('Running')),
      host('c', { state: 'Fetching' }),
      host(
        'd',
        {},
        { state: 'broken', since: 0, problem: { reason: 'HostUnreachable', message: 'no answer' } },
      ),
      host('e', { verification: { request: 'before', state: 'Sound', doneBytes: 2, totalBytes: 2 } }),
    ]);
    await verify(asked, context, never);
    expect(calls).toEqual([`a ${LAYER} now`, `e ${LAYER} now`]);
    expect(verificationOf(asked, context)).toEqual({
      requested: REQUEST,
      running: 3,
      sound: 0,
      damaged: 0,
      failed: 0,
    });
  });

  it('says what is wrong with which copy', () => {
    const damaged = host('b', { state: 'Failed', ...read('Damaged') });
    const { context } = contextOf([
      host('a', read('Sound')),
      damaged,
      host('c', read('Failed', { message: 'EIO' })),
    ]);
    expect(verificationOf(asked, context)).toMatchObject({
      running: 0,
      sound: 1,
      damaged: 1,
      failed: 1,
      problems: [
        { host: 'b', layer: LAYER, message: expect.stringContaining('another one than its name says') },
        { host: 'c', layer: LAYER, message: 'EIO' },
      ],
    });
  });

  it('stands when it is over, though a daemon that started since knows nothing of it', async () => {
    const verification = { requested: REQUEST, running: 0, sound: 1, damaged: 0, failed: 0 };
    const done = { ...asked, status: { ...asked.status, verification } };
    const { context, calls } = contextOf([host('a')]);
    await verify(done, context, never);
    expect([verificationOf(done, context), calls]).toEqual([verification, []]);
  });
});
