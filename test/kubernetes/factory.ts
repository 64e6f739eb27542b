import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { createKubeClient } from '../../src/kube/client.ts';
import { findKubernetesPrograms } from './assets.ts';
import { startControlPlane } from './control-plane.ts';
import { installCrds } from './crds.ts';
import { startEmbedded } from './embedded.ts';

/** A Kubernetes API of a test's own, with the project's kinds installed. */
export interface TestApi {
  readonly kind: 'embedded' | 'kube-apiserver';
  readonly kubeConfig: KubeConfig;
  /** For kubectl and other programs. */
  readonly kubeconfigPath: string;
  stop(): Promise<void>;
}

/**
 * Starts the API that the environment's COPPICE_TEST_API names: `embedded` (the default) or `kube-apiserver`. Tests
 * that get their API here run on both and must not ask which one it is.
 */
export async function startTestApi(env: NodeJS.ProcessEnv = process.env): Promise<TestApi> {
  const kind = env.COPPICE_TEST_API ?? 'embedded';
  if (kind !== 'embedded' && kind !== 'kube-apiserver') {
    throw new Error(`COPPICE_TEST_API is '${kind}'; it may be 'embedded' or 'kube-apiserver'`);
  }
  const server = await start(kind, env);
  try {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(server.kubeconfigPath);
    const client = createKubeClient(kubeConfig, { log: pino({ level: 'silent' }) });
    try {
      await installCrds(client);
    } finally {
      await client.close();
    }
    return { ...server, kind, kubeConfig };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function start(
  kind: TestApi['kind'],
  env: NodeJS.ProcessEnv,
): Promise<Pick<TestApi, 'kubeconfigPath' | 'stop'>> {
  switch (kind) {
    case 'kube-apiserver':
      return await startControlPlane(await findKubernetesPrograms(env));
    case 'embedded':
      return await startEmbedded();
  }
}
