import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { KubeObject } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { findCompanion, findFluxKinds } from './assets.ts';
import { applyDefinition } from './crds.ts';
import { freePorts, startProcess, type TestProcess } from './processes.ts';

/** Flux's source- and kustomize-controller, or why they are unavailable. */
export interface FluxPrograms {
  readonly source: string;
  readonly kustomize: string;
  /** File with their kinds. */
  readonly kinds: string;
}

/** The programs; undefined where there are none, which skips the tests that need them. */
export async function findFlux(env: NodeJS.ProcessEnv): Promise<FluxPrograms | undefined> {
  const source = await findCompanion('source-controller', env);
  const kustomize = await findCompanion('kustomize-controller', env);
  const kinds = await findFluxKinds(env);
  if (source === undefined || kustomize === undefined || kinds === undefined) return undefined;
  return { source, kustomize, kinds };
}

/** Flux's controllers as they run in a cluster, unchanged, only outside of it. */
export interface Flux {
  stop(): Promise<void>;
}

/** Installs Flux's kinds and starts its controllers on ports of their own; logs and artefacts go into the folder. */
export async function startFlux(
  programs: FluxPrograms,
  client: KubeClient,
  kubeconfigPath: string,
  directory: string,
): Promise<Flux> {
  for (const crd of loadAll(await readFile(programs.kinds, 'utf8')) as KubeObject[]) {
    await applyDefinition(client, crd);
  }
  await mkdir(join(directory, 'artefacts'));
  const [storage = 0, ...rest] = await freePorts(5);
  const [sourceMetrics, sourceHealth, kustomizeMetrics, kustomizeHealth] = rest;
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    KUBECONFIG: kubeconfigPath,
    RUNTIME_NAMESPACE: 'flux-system',
  };
  const common = ['--events-addr=', '--enable-leader-election=false', '--log-level=info'];
  const source = [
    `--storage-path=${join(directory, 'artefacts')}`,
    `--storage-addr=127.0.0.1:${storage}`,
    `--storage-adv-addr=127.0.0.1:${storage}`,
    `--metrics-addr=127.0.0.1:${sourceMetrics}`,
    `--health-addr=127.0.0.1:${sourceHealth}`,
  ];
  const kustomize = [
    `--metrics-addr=127.0.0.1:${kustomizeMetrics}`,
    `--health-addr=127.0.0.1:${kustomizeHealth}`,
    '--no-remote-bases',
    // As fast as a test wants it; a cluster's own pace is 5 seconds.
    '--requeue-dependency=1s',
  ];
  const processes: TestProcess[] = [
    startProcess(programs.source, [...source, ...common], join(directory, 'source-controller.log'), env),
    startProcess(
      programs.kustomize,
      [...kustomize, ...common],
      join(directory, 'kustomize-controller.log'),
      env,
    ),
  ];
  const stop = async () => {
    await Promise.all(processes.map((process) => process.stop()));
  };
  try {
    for (const [index, port] of [sourceHealth, kustomizeHealth].entries()) {
      await processes[index]?.waitUntil(() => answers(`http://127.0.0.1:${port}/readyz`));
    }
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    // Not up yet: whoever waits asks again, and gives up in time.
    return false;
  }
}
