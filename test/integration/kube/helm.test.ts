import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { dump, load } from 'js-yaml';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { IP_POOLS } from '../../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { createKubeClient } from '../../../src/kube/client/create.ts';
import { findCompanion } from '../../kubernetes/assets.ts';
import { readCrds } from '../../kubernetes/crds.ts';
import { startTestApi, type TestApi } from '../../kubernetes/factory.ts';
import { describeUnless } from '../../skip.ts';

const CHART = join(import.meta.dirname, 'chart');
const KINDS_CHART = resolve(import.meta.dirname, '../../../charts/coppice-crds');
const NAMESPACE = 'charted';
const DEFINITIONS = 'apiextensions.k8s.io/v1/customresourcedefinitions';

const helm = await findCompanion('helm', process.env);
const missing = 'no helm: put it into the folder that KUBEBUILDER_ASSETS names, or into the PATH';
// In CI a suite that silently tests nothing would be worse than one that fails.
if (helm === undefined && process.env.CI) throw new Error(missing);

describeUnless(helm === undefined ? missing : undefined, 'helm', () => {
  let folder: string;
  let api: TestApi;
  let client: KubeClient;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-helm-'));
    api = await startTestApi({ kinds: 'none' });
    client = createKubeClient(api.kubeConfig, { log: pino({ level: 'silent' }) });
  });
  afterAll(async () => {
    await client?.close();
    await api?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Helm with caches of its own: not those of the user. */
  async function run(...args: readonly string[]): Promise<string> {
    const homes = ['CACHE', 'CONFIG', 'DATA'].map((kind) => [`HELM_${kind}_HOME`, join(folder, 'home')]);
    const flags = ['--kubeconfig', api.kubeconfigPath, '--namespace', NAMESPACE];
    if (args.some((arg) => arg.startsWith('--wait') || arg === '--rollback-on-failure')) {
      flags.push('--timeout=60s');
    }
    const env = { PATH: process.env.PATH, HOME: folder, ...Object.fromEntries(homes) };
    return (await promisify(execFile)(helm ?? '', [...args, ...flags], { env })).stdout;
  }

  /** The objects of a kind, by name: those of the chart's namespace if the kind has namespaces. */
  async function objects(
    path: string,
    selector = '',
  ): Promise<Readonly<Record<string, KubeObject & { data?: Record<string, string> }>>> {
    const [plural = '', version = '', group = ''] = path.split('/').reverse();
    const namespaced = path !== DEFINITIONS;
    const ref: ResourceRef = { group, version, plural, kind: '', namespaced };
    const within = namespaced ? { namespace: NAMESPACE } : {};
    const { items } = await client.list(ref, { ...within, ...(selector ? { labelSelector: selector } : {}) });
    return Object.fromEntries(items.map((item) => [item.metadata.name, item]));
  }

  const greeting = async () => (await objects('v1/configmaps')).hello?.data;
  const releases = async () =>
    (JSON.parse(await run('list', '--output=json')) as { name: string; status: string }[]).map(
      ({ name, status }) => `${name} ${status}`,
    );
  const statuses = async () =>
    (JSON.parse(await run('history', 'hello', '--output=json')) as { status: string }[]).map(
      ({ status }) => status,
    );

  /** A copy of the chart of our kinds, of an older version. */
  async function olderKinds(): Promise<string> {
    const copy = join(folder, 'coppice-crds');
    await cp(KINDS_CHART, copy, { recursive: true });
    const file = join(copy, 'Chart.yaml');
    await writeFile(file, dump({ ...(load(await readFile(file, 'utf8')) as object), version: '0.0.1' }));
    return copy;
  }

  it('installs our kinds, and upgrades them', async () => {
    await run('install', 'kinds', await olderKinds(), '--create-namespace', '--wait');
    const names = (await readCrds()).map(({ metadata }) => metadata.name).sort();
    expect(Object.keys(await objects(DEFINITIONS)).sort()).toEqual(names);
    await run('upgrade', 'kinds', KINDS_CHART, '--set=annotations.checked=yes', '--wait=legacy');
    const annotations = Object.values(await objects(DEFINITIONS)).map(
      ({ metadata }) => metadata.annotations?.checked,
    );
    expect(annotations).toEqual(names.map(() => 'yes'));
    expect(await releases()).toEqual(['kinds deployed']);
  });

  /** Does the operator's part, for which helm waits: says of the pool that it is ready. */
  async function reportPool(): Promise<void> {
    const key = { namespace: NAMESPACE, name: 'hello' };
    await vi.waitUntil(async () => (await objects('coppice.dev/v1alpha1/ippools')).hello !== undefined, {
      timeout: 60_000,
    });
    const condition = { type: 'Ready', status: 'True', reason: 'Tested', message: 'It is' };
    const conditions = [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }];
    await client.patch(
      IP_POOLS,
      key,
      { status: { observedGeneration: 1, conditions } },
      { subresource: 'status' },
    );
  }

  it('installs a chart, with what it asks the server beforehand', async () => {
    expect(await run('install', 'hello', CHART, '--dry-run=server')).toContain('greeting: hello');
    expect(await releases()).toEqual(['kinds deployed']);
    await Promise.all([run('install', 'hello', CHART, '--wait'), reportPool()]);
    expect(await greeting()).toEqual({ greeting: 'hello', kubernetes: '36', pools: 'served' });
    const secret = (await objects('v1/secrets')).hello?.data?.password;
    expect(secret).toBe(Buffer.from('hello').toString('base64'));
    for (const path of [
      'v1/serviceaccounts',
      'rbac.authorization.k8s.io/v1/roles',
      'rbac.authorization.k8s.io/v1/rolebindings',
      'coppice.dev/v1alpha1/ippools',
    ]) {
      expect(Object.keys(await objects(path, 'app.kubernetes.io/managed-by=Helm')), path).toEqual(['hello']);
    }
    expect((await objects('v1/configmaps'))['hello-before']?.data).toEqual({ revision: '1' });
    expect(await run('status', 'hello')).toContain('STATUS: deployed');
  });

  it('upgrades it: what changed is changed, what is gone is deleted', async () => {
    await run('upgrade', 'hello', CHART, '--set=greeting=good day,robot=false', '--wait=legacy');
    expect(await greeting()).toEqual({
      greeting: 'good day',
      kubernetes: '36',
      pools: 'served',
      secret: 'found',
    });
    expect(await objects('rbac.authorization.k8s.io/v1/roles')).toEqual({});
    expect((await objects('v1/configmaps'))['hello-before']?.data).toEqual({ revision: '2' });
    expect(await statuses()).toEqual(['superseded', 'deployed']);
  });

  it('fails as the server says, and goes back', async () => {
    const bad = run('upgrade', 'hello', CHART, '--set=prefix=33,greeting=bad', '--rollback-on-failure');
    await expect(bad).rejects.toMatchObject({ stderr: expect.stringContaining('prefix') });
    expect(await greeting()).toMatchObject({ greeting: 'good day' });
    expect(await statuses()).toEqual(['superseded', 'superseded', 'failed', 'deployed']);
  });

  it('rolls back to the first revision', async () => {
    await run('rollback', 'hello', '1', '--wait');
    expect(await greeting()).toMatchObject({ greeting: 'hello' });
    expect(Object.keys(await objects('rbac.authorization.k8s.io/v1/roles'))).toEqual(['hello']);
  });

  it('meets the changes of others as the way of its updates has it', async () => {
    await client.patch(
      { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
      { namespace: NAMESPACE, name: 'hello' },
      { data: { greeting: 'drifted' } },
    );
    await expect(run('upgrade', 'hello', CHART, '--set=greeting=mine')).rejects.toMatchObject({
      stderr: expect.stringContaining('conflict'),
    });
    await run('upgrade', 'hello', CHART, '--set=greeting=forced', '--force-conflicts');
    expect(await greeting()).toMatchObject({ greeting: 'forced' });
    await run('upgrade', 'hello', CHART, '--set=greeting=merged', '--server-side=false');
    expect(await greeting()).toMatchObject({ greeting: 'merged' });
  });

  it('uninstalls it, and leaves our kinds unless told otherwise', async () => {
    await run('uninstall', 'hello', '--wait');
    expect(await objects('v1/secrets', 'owner=helm,name=hello')).toEqual({});
    expect(await objects('coppice.dev/v1alpha1/ippools')).toEqual({});
    expect((await objects('v1/configmaps')).hello).toBeUndefined();
    expect(await run('uninstall', 'kinds', '--wait')).toContain('kept due to the resource policy');
    expect(Object.keys(await objects(DEFINITIONS))).toHaveLength((await readCrds()).length);
    await run('install', 'kinds', KINDS_CHART, '--take-ownership', '--set=keep=false', '--wait');
    await run('uninstall', 'kinds', '--wait');
    expect(await objects(DEFINITIONS)).toEqual({});
    expect(await releases()).toEqual([]);
  });
});
