import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { createKubeClient } from '../../../src/kube/client/create.ts';
import type { Manifest } from '../../e2e/tasks.ts';
import { startTestApi, type TestApi } from '../../kubernetes/factory.ts';

/**
 * An API server for all tests of the calling `describe`: the embedded one, or a real one with COPPICE_TEST_API=kube-apiserver.
 * @param kinds those of the objects that the tests write
 */
export function rulesApi(kinds: readonly ResourceRef[]) {
  let api: TestApi;
  let kube: KubeClient;
  beforeAll(async () => {
    api = await startTestApi();
    kube = createKubeClient(api.kubeConfig, { log: pino({ level: 'silent' }) });
  });
  afterAll(async () => {
    await kube.close();
    await api.stop();
  });
  const refOf = ({ kind }: Manifest) => kinds.find((ref) => ref.kind === kind) as ResourceRef;
  return {
    get kube(): KubeClient {
      return kube;
    },
    refOf,
    create: (object: Manifest) => kube.create(refOf(object), object as KubeObject),
    remove: (object: Manifest) => kube.delete(refOf(object), object.metadata),
  };
}
