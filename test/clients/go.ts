import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { hasGo } from '../kubernetes/build.ts';

const run = promisify(execFile);
const sources = join(import.meta.dirname, 'go');
const built = resolve(import.meta.dirname, '../../.coppice/clients-go');
/** The package whose own tests are run: they come with its module, which Go fetches. */
const SUITE = 'sigs.k8s.io/controller-runtime/pkg/client';

export async function missingGo(): Promise<string | undefined> {
  return (await hasGo(process.env)) ? undefined : 'no Go 1.26 or newer: install it';
}

async function go(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('go', args, { cwd: sources });
  return stdout.trim();
}

/** Builds the program that lives objects; its path. */
export async function buildLife(): Promise<string> {
  await mkdir(built, { recursive: true });
  const program = join(built, 'life');
  await go('build', '-o', program, '.');
  return program;
}

/** What came of one test of the suite. */
export interface Spec {
  readonly name: string;
  readonly state: string;
  /** Why it failed; empty otherwise. */
  readonly failure: string;
}

interface SpecReport {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeText: string;
  readonly State: string;
  readonly Failure?: { readonly Message: string };
}

/** Builds controller-runtime's tests of its client; they run on the server of a kubeconfig, in the same order each time. */
export async function buildSuite(): Promise<(kubeconfig: string, title: string) => Promise<Spec[]>> {
  await mkdir(built, { recursive: true });
  const program = join(built, 'suite');
  await go('test', '-c', '-o', program, SUITE);
  const cwd = await go('list', '-f', '{{.Dir}}', SUITE);
  return async (kubeconfig, title) => {
    const report = join(built, `${title}.json`);
    const env = { ...process.env, KUBECONFIG: kubeconfig, USE_EXISTING_CLUSTER: 'true' };
    const flags = [`-ginkgo.json-report=${report}`, '-ginkgo.seed=1', '-ginkgo.no-color'];
    // It fails when one of its tests does: the report says which.
    await run(program, flags, { cwd, env, maxBuffer: 2 ** 26 }).catch(() => undefined);
    const [suite] = JSON.parse(await readFile(report, 'utf8')) as { SpecReports: SpecReport[] }[];
    const played = (suite?.SpecReports ?? []).filter(({ State }) => State !== 'pending');
    return played.map((spec) => ({
      name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' '),
      state: spec.State,
      failure: spec.Failure?.Message ?? '',
    }));
  };
}
