import { ApiError } from '../api-error.ts';
import type { KubeClient } from '../client/client.ts';
import type { Lease } from '../election/lease-record.ts';

/** One lease in memory, with optimistic concurrency. While `isAway`, calls fail as if the API server were unreachable. */
export function createFakeLeases() {
  let lease: Lease | undefined;
  let version = 0;
  const state = { isAway: false, writes: 0 };
  const check = () => {
    if (state.isAway) {
      throw new ApiError({ status: 0, reason: 'Unreachable', message: 'no answer' });
    }
  };
  const store = (object: Lease): Lease => {
    version += 1;
    state.writes += 1;
    lease = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    return lease;
  };
  const client: Pick<KubeClient, 'find' | 'create' | 'replace'> = {
    find: async () => {
      check();
      return lease as never;
    },
    create: async (_ref, object) => {
      check();
      if (lease !== undefined) {
        throw new ApiError({ status: 409, reason: 'AlreadyExists', message: 'there is one' });
      }
      return store(object) as never;
    },
    replace: async (_ref, object) => {
      check();
      if (object.metadata.resourceVersion !== lease?.metadata.resourceVersion) {
        throw new ApiError({ status: 409, reason: 'Conflict', message: 'changed' });
      }
      return store(object) as never;
    },
  };
  return { client, state, current: () => lease };
}
