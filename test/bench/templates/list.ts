import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { linkNode, makeRelease } from '../../../scripts/build/release.ts';
import { TEMPLATES as KIND } from '../../../src/api/kinds.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { createKubeClient } from '../../../src/kube/client/create.ts';
import { installCrds } from '../../kubernetes/crds.ts';
import { type BenchContext, interleave, type Ratio, type Side, summarise, warmUp } from '../harness.ts';
import type { ApiCalls } from '../scale/api-process.ts';
import { startPart } from '../scale/parts.ts';
import { catalogue, NAMESPACE, SERIES, TEMPLATES } from './catalogue.ts';

const repository = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);
const REPETITIONS = 9;
const WRITES_AT_ONCE = 16;
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;

/** `coppice templates` of a release with many templates, against a `coppice get` that finds nothing. */
export async function measureList(context: BenchContext, folder: string): Promise<Ratio[]> {
  const release = join(folder, 'release');
  await makeRelease(repository, release);
  await linkNode(repository, release);
  const api = startPart<ApiCalls>(new URL('../scale/api-process.ts', import.meta.url));
  try {
    const kubeconfig = await api.call('start');
    await fill(context, kubeconfig);
    const coppice = (command: string, rows: number): Side => {
      const argv = [command, '--kubeconfig', kubeconfig, '-n', NAMESPACE];
      const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
      return async () => {
        const options = { env, maxBuffer: MOST_OUTPUT_BYTES };
        const { stdout } = await run(join(release, 'bin/coppice'), argv, options);
        const shown = stdout.split('\n').filter((line) => line.startsWith('series-')).length;
        if (shown !== rows) throw new Error(`coppice ${command} shows ${shown} templates, not ${rows}`);
        return undefined;
      };
    };
    const sides = { templates: coppice('templates', TEMPLATES), nothing: coppice('get', 0) };
    await warmUp(sides);
    return [ratioOf(await interleave(context, REPETITIONS, sides))];
  } finally {
    await api.stop();
  }
}

function ratioOf(seconds: Readonly<Record<'templates' | 'nothing', readonly number[]>>): Ratio {
  const [templates, nothing] = [summarise(seconds.templates), summarise(seconds.nothing)];
  return {
    name: `templates/list-of-${TEMPLATES}-in-${SERIES}-series-more-seconds-than-an-empty-get`,
    value: templates.median - nothing.median,
    aim: 0.3,
    better: 'less',
    raw: { counted: 'median seconds of `coppice templates` less those of `coppice get`', templates, nothing },
  };
}

async function fill(context: BenchContext, kubeconfig: string): Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const client = createKubeClient(config, { log: pino({ level: 'silent' }), timeoutMs: 120_000 });
  try {
    await installCrds(client);
    const begun = context.now();
    await createAll(client);
    context.log(`${TEMPLATES} templates were created in ${(context.now() - begun).toFixed(1)} s`);
  } finally {
    await client.close();
  }
}

async function createAll(client: KubeClient): Promise<void> {
  const left = catalogue().values();
  const worker = async () => {
    for (const { status, ...template } of left) {
      const { uid: _, resourceVersion: __, generation: ___, ...metadata } = template.metadata;
      await client.create(KIND, { ...template, metadata });
      const { apiVersion, kind } = template;
      const ofStatus = { apiVersion, kind, metadata: { name: metadata.name, namespace: NAMESPACE }, status };
      await client.applyStatus(KIND, ofStatus, { fieldManager: 'bench' });
    }
  };
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, worker));
}
