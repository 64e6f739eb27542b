import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../kube/api-error.ts';
import type { InformerEvent } from '../kube/informer/supervisor.ts';
import { AccessWatch } from './access-watch.ts';

const LISTED: InformerEvent = { type: 'listed', objects: 0 };

function failed(status: number): InformerEvent {
  const error = new ApiError({ status, reason: 'Reason', message: `refused with ${status}` });
  return { type: 'failed', reason: error.reason, error };
}

describe('access that is lost while an operator leads', () => {
  const ask = vi.fn<() => Promise<string | undefined>>();
  const said: (string | undefined)[] = [];
  let watch: AccessWatch;

  beforeEach(() => {
    ask.mockReset().mockResolvedValue('the sentence');
    said.length = 0;
    watch = new AccessWatch({ ask, say: (obstacle) => said.push(obstacle) });
  });

  it.each([401, 403, 404])(
    'is told when a list or watch fails with %i, until a list succeeds',
    async (status) => {
      watch.observe('hosts', failed(status));
      await vi.waitFor(() => expect(said).toEqual(['the sentence']));
      watch.observe('hosts', LISTED);
      await vi.waitFor(() => expect(said).toEqual(['the sentence', undefined]));
      expect(ask).toHaveBeenCalledTimes(1);
    },
  );

  it.each([0, 410, 429, 500])('is not what fails with %i', (status) => {
    watch.observe('hosts', failed(status));
    watch.observe('hosts', LISTED);
    expect(ask).not.toHaveBeenCalled();
    expect(said).toEqual([]);
  });

  it('stands until the last resource is listed', async () => {
    watch.observe('hosts', failed(403));
    watch.observe('templates', failed(403));
    await vi.waitFor(() => expect(said).toHaveLength(1));
    watch.observe('hosts', LISTED);
    await vi.waitFor(() => expect(said).toEqual(['the sentence', 'the sentence']));
    watch.observe('templates', LISTED);
    await vi.waitFor(() => expect(said.at(-1)).toBeUndefined());
  });

  it('is not asked about by every resource again and again', async () => {
    for (const plural of ['hosts', 'templates']) {
      watch.observe(plural, failed(403));
      await vi.waitFor(() => expect(said.length).toBe(ask.mock.calls.length));
    }
    const before = ask.mock.calls.length;
    watch.observe('templates', failed(403));
    expect(ask).toHaveBeenCalledTimes(before);
    watch.observe('hosts', failed(403));
    expect(ask).toHaveBeenCalledTimes(before + 1);
  });

  it('is told in the words of the API server when nothing else is found', async () => {
    ask.mockResolvedValue(undefined);
    watch.observe('hosts', failed(403));
    await vi.waitFor(() => expect(said).toEqual(['refused with 403']));
  });
});
