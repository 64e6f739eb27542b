import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../kube/api-error.ts';
import type { InformerEvent } from '../kube/informer/supervisor.ts';
import { AccessWatch } from './access-watch.ts';

const LISTED: InformerEvent = { type: 'listed', objects: 0 };

function failed(status: number): InformerEvent {
  const error = new ApiError({ status, reason: 'Reason', message: `refused with ${status}` });
  return { type: 'failed', reason: error.reason, error };
}

describe('access that an operator loses while it leads', () => {
  const findObstacle = vi.fn<() => Promise<string | undefined>>();
  const reported: (string | undefined)[] = [];
  let watch: AccessWatch;

  beforeEach(() => {
    findObstacle.mockReset().mockResolvedValue('the obstacle');
    reported.length = 0;
    watch = new AccessWatch({ findObstacle, report: (obstacle) => reported.push(obstacle) });
  });

  it.each([401, 403, 404])(
    'is reported when a list or watch fails with %i, until a list succeeds',
    async (status) => {
      watch.observe('hosts', failed(status));
      await vi.waitFor(() => expect(reported).toEqual(['the obstacle']));
      watch.observe('hosts', LISTED);
      await vi.waitFor(() => expect(reported).toEqual(['the obstacle', undefined]));
      expect(findObstacle).toHaveBeenCalledTimes(1);
    },
  );

  it.each([0, 410, 429, 500])('is not reported for a failure with %i', (status) => {
    watch.observe('hosts', failed(status));
    watch.observe('hosts', LISTED);
    expect(findObstacle).not.toHaveBeenCalled();
    expect(reported).toEqual([]);
  });

  it('is reported until the last resource is listed', async () => {
    watch.observe('hosts', failed(403));
    watch.observe('templates', failed(403));
    await vi.waitFor(() => expect(reported).toHaveLength(1));
    watch.observe('hosts', LISTED);
    await vi.waitFor(() => expect(reported).toEqual(['the obstacle', 'the obstacle']));
    watch.observe('templates', LISTED);
    await vi.waitFor(() => expect(reported.at(-1)).toBeUndefined());
  });

  it('is not looked for again at every refusal of every resource', async () => {
    for (const plural of ['hosts', 'templates']) {
      watch.observe(plural, failed(403));
      await vi.waitFor(() => expect(reported.length).toBe(findObstacle.mock.calls.length));
    }
    const before = findObstacle.mock.calls.length;
    watch.observe('templates', failed(403));
    expect(findObstacle).toHaveBeenCalledTimes(before);
    watch.observe('hosts', failed(403));
    expect(findObstacle).toHaveBeenCalledTimes(before + 1);
  });

  it('is reported by the API server’s message when no obstacle is found', async () => {
    findObstacle.mockResolvedValue(undefined);
    watch.observe('hosts', failed(403));
    await vi.waitFor(() => expect(reported).toEqual(['refused with 403']));
  });
});
