import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { createKubeClient } from '../../src/kube/client/create.ts';
import { findKubernetesPrograms } from './assets.ts';
import { type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { installCrds } from './crds.ts';
import { startEmbedded, startEmbeddedProgram } from './embedded.ts';
import { makeOperatorAccount, writeOperatorKubeconfig } from './operator-account.ts';
import { installOwnership } from './ownership.ts';
import { aggregate, extensionOf, type StreamsServer } from './streams.ts';
import type { TestServer } from './test-server.ts';

/** A Kubernetes API of a test's own, with the project's kinds installed. */
export interface TestApi extends TestServer {
  readonly kind: 'embedded' | 'kube-apiserver';
  readonly kubeConfig: KubeConfig;
  /** As whom an operator runs: its service account, which may do what the chart lets it and no more. */
  readonly operatorKubeconfigPath: string;
  readonly operatorKubeConfig: KubeConfig;
}

interface Options {
  /** The embedded server gets a process of its own, as users run it, so that it can be killed. */
  readonly asProgram?: boolean;
  /** Whether the project's kinds are there from the start; they are if it is not said. */
  readonly kinds?: 'installed' | 'none';
  /** Of kube-apiserver. */
  readonly controlPlane?: ControlPlaneOptions;
  /** Bearer tokens, as a file of --token-auth-file has them. */
  readonly tokens?: string;
  /** Where an operator serves streams behind the API server. */
  readonly streams?: StreamsServer;
}

/**
 * Starts the API that the environment's COPPICE_TEST_API names: `embedded` (the default) or `kube-apiserver`. Tests
 * that get their API here run on both and must not ask which one it is.
 */
export async function startTestApi(
  options: Options = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<TestApi> {
  const kind = env.COPPICE_TEST_API ?? 'embedded';
  if (kind !== 'embedded' && kind !== 'kube-apiserver') {
    throw new Error(`COPPICE_TEST_API is '${kind}'; it may be 'embedded' or 'kube-apiserver'`);
  }
  const server = await start(kind, options, env);
  try {
    const kubeConfig = kubeConfigFrom(server.kubeconfigPath);
    const client = createKubeClient(kubeConfig, { log: pino({ level: 'silent' }) });
    let operatorKubeconfigPath: string;
    try {
      if (options.kinds !== 'none') {
        await installCrds(client);
        if (kind === 'kube-apiserver') await installOwnership(client);
      }
      await makeOperatorAccount(client);
      const { streams } = options;
      if (streams !== undefined && kind === 'kube-apiserver') {
        await aggregate(client, { port: streams.port, ca: streams.pki.ca.cert });
      }
      operatorKubeconfigPath =
        server.operatorKubeconfigPath ?? (await writeOperatorKubeconfig(server.kubeconfigPath, client));
    } finally {
      await client.close();
    }
    const operatorKubeConfig = kubeConfigFrom(operatorKubeconfigPath);
    return { ...server, kind, kubeConfig, operatorKubeconfigPath, operatorKubeConfig };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function kubeConfigFrom(path: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(path);
  return kubeConfig;
}

async function start(
  kind: TestApi['kind'],
  { asProgram = false, controlPlane, tokens = '', streams }: Options,
  env: NodeJS.ProcessEnv,
): Promise<TestServer> {
  switch (kind) {
    case 'kube-apiserver':
      return await startControlPlane(await findKubernetesPrograms(env), { tokens, ...controlPlane });
    case 'embedded':
      return asProgram ? await startEmbeddedProgram() : await startEmbedded(tokens, extensionOf(streams));
  }
}
