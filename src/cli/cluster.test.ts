import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addClusterOptions, type ClusterOptions, withClient } from './cluster.ts';
import { filesOf } from './host-access.ts';

/** The options of a command with these arguments. */
async function optionsOf(...args: readonly string[]): Promise<ClusterOptions> {
  let options: ClusterOptions | undefined;
  const command = addClusterOptions(new Command('probe')).action((given: ClusterOptions) => {
    options = given;
  });
  await command.parseAsync(args, { from: 'user' });
  if (options === undefined) throw new Error('the command was not run');
  return options;
}

describe('the cluster of a command', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coppice-cluster-'));
    vi.stubEnv('KUBECONFIG', undefined);
    vi.stubEnv('COPPICE_DATA_DIR', '/data');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  const kubeconfig = (name: string, content: object) => {
    writeFileSync(join(folder, name), JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...content }));
    return join(folder, name);
  };
  const cluster = { name: 'c', cluster: { server: 'https://127.0.0.1:1' } };
  const namespaceOf = (options: Partial<ClusterOptions> & Pick<ClusterOptions, 'kubeconfig'>) =>
    withClient({ dataDir: '/data', ...options }, async (_client, namespace) => namespace);

  it.each([
    [[], undefined, '/data/kubeconfig'],
    [[], '/env', '/env'],
    [['--kubeconfig', '/flag'], '/env', '/flag'],
    [['--data-dir', '/other'], undefined, '/other/kubeconfig'],
    [['--data-dir', '/other'], '/env', '/other/kubeconfig'],
    [['--data-dir', '/other', '--kubeconfig', '/flag'], undefined, '/flag'],
  ])('for %j and KUBECONFIG=%s it is that of %s', async (args, env, expected) => {
    vi.stubEnv('KUBECONFIG', env);
    expect(await optionsOf(...args)).toMatchObject({ kubeconfig: expected });
  });

  it('is used with the given namespace, else its context’s, else default', async () => {
    const context = { name: 'x', context: { cluster: 'c', user: 'u', namespace: 'shop' } };
    const users = [{ name: 'u', user: {} }];
    const path = kubeconfig('some', {
      'current-context': 'x',
      clusters: [cluster],
      users,
      contexts: [context],
    });
    expect(await namespaceOf({ kubeconfig: path, namespace: 'mine' })).toBe('mine');
    expect(await namespaceOf({ kubeconfig: path })).toBe('shop');
    const { namespace: _, ...plain } = context.context;
    const contexts = [{ name: 'x', context: plain }];
    const bare = kubeconfig('bare', { 'current-context': 'x', clusters: [cluster], users, contexts });
    expect(await namespaceOf({ kubeconfig: bare })).toBe('default');
  });

  it('may be defined by several files, as in KUBECONFIG', async () => {
    const contexts = [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'shop' } }];
    const first = kubeconfig('first', { 'current-context': 'x', contexts });
    const second = kubeconfig('second', { clusters: [cluster], users: [{ name: 'u', user: {} }] });
    expect(await namespaceOf({ kubeconfig: [first, second].join(delimiter) })).toBe('shop');
  });

  it('is called with the keys beside its kubeconfig, else with those in the data directory', () => {
    const options = { dataDir: '/data', kubeconfig: join(folder, 'kubeconfig') };
    const inFolder = (root: string) =>
      ['ca.crt', 'operator.crt', 'operator.key'].map((name) => join(root, 'pki', 'hosts', name));
    expect(filesOf(options)).toEqual(inFolder('/data'));
    mkdirSync(join(folder, 'pki', 'hosts'), { recursive: true });
    expect(filesOf(options)).toEqual(inFolder(folder));
    expect(filesOf({ ...options, hostCa: '/ca', hostCert: '/cert', hostKey: '/key' })).toEqual([
      ...['/ca', '/cert', '/key'],
    ]);
  });
});
