import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import { explainError } from '../../../src/cli/errors.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { userRoles } from '../../../src/main/user-roles.ts';
import { readCrds } from '../../kubernetes/crds.ts';
import { eventually } from '../operator/eventually.ts';
import { World } from '../operator/world.ts';
import { type CliResult, runCli } from './run.ts';

const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const;
const USERS = ['ann', 'bea', 'cleo'] as const;
type User = (typeof USERS)[number];

/** A table's rows, each as its cells. */
const rowsOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(/ {2,}/));

describe('the commands for labels', () => {
  let world: World;
  const kubeconfigs = new Map<string, string>();

  beforeAll(async () => {
    world = await World.start({ tokens: USERS.map((user) => `${user}-token,${user},`).join('\n') });
    await world.addHost('host-a');
    await world.startOperator();
    for (const name of ['team', 'images', 'hidden']) await world.addNamespace(name);
    await grant();
    for (const user of USERS) kubeconfigs.set(user, await kubeconfigOf(user));
    const linux = { series: 'debian', sharing: { scope: 'Cluster' } };
    await world.addTemplate('debian-12', { namespace: 'images', spec: { ...linux, version: '12' } });
    await world.addTemplate('debian-9', { namespace: 'images', spec: { ...linux, version: '9' } });
    await world.addTemplate('secret', { namespace: 'images', spec: { series: 'secret', version: '1' } });
    await world.addTemplate('own', { namespace: 'team', spec: { container: { type: 'command' } } });
  });
  afterAll(() => world?.stop());

  /** All of `team`, and reading of `images`; cleo reads everything. */
  async function grant(): Promise<void> {
    const create = (kind: string, namespaced: boolean, content: object) =>
      world.kube.create(
        { ...RBAC, kind, plural: `${kind.toLowerCase()}s`, namespaced } as ResourceRef,
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind,
          ...content,
        } as KubeObject,
      );
    for (const { role, rules } of userRoles(await readCrds()))
      await create('ClusterRole', false, { metadata: { name: `coppice-${role}` }, rules });
    const bind = (role: string, user: User, namespace: string) =>
      create('RoleBinding', true, {
        metadata: { name: `${user}-${role}`, namespace },
        roleRef: { apiGroup: RBAC.group, kind: 'ClusterRole', name: `coppice-${role}` },
        subjects: [{ apiGroup: RBAC.group, kind: 'User', name: user }],
      });
    for (const user of USERS) {
      for (const role of ['view', 'edit']) await bind(role, user, 'team');
      await bind('view', user, 'images');
    }
    await create('ClusterRoleBinding', false, {
      metadata: { name: 'cleo' },
      roleRef: { apiGroup: RBAC.group, kind: 'ClusterRole', name: 'coppice-view' },
      subjects: [{ apiGroup: RBAC.group, kind: 'User', name: 'cleo' }],
    });
  }

  async function kubeconfigOf(user: User): Promise<string> {
    const config = JSON.parse(await readFile(world.api.kubeconfigPath, 'utf8')) as object;
    const path = join(world.directory, `${user}.kubeconfig`);
    await writeFile(
      path,
      JSON.stringify({ ...config, users: [{ name: 'test', user: { token: `${user}-token` } }] }),
    );
    return path;
  }

  /** In this process: to start one takes longer than all that a command does. */
  const run = async (user: User, ...args: readonly string[]): Promise<CliResult> => {
    const printed = { log: '', error: '' };
    const spies = (['log', 'error'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation((text: unknown) => {
        printed[name] += `${String(text)}\n`;
      }),
    );
    try {
      const program = await createProgram('main.ts', args[0]);
      const kubeconfig = kubeconfigs.get(user) ?? '';
      await program.parseAsync([...args, '-n', 'team', '--kubeconfig', kubeconfig], { from: 'user' });
      return { code: 0, stdout: printed.log, stderr: printed.error };
    } catch (error) {
      return { code: 1, stdout: printed.log, stderr: `${printed.error}error: ${explainError(error)}\n` };
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  };
  const prints = async (user: User, ...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(user, ...args);
    expect({ code, stderr: stderr.replace(/^note: .*\n/gm, '') }).toEqual({ code: 0, stderr: '' });
    return stdout;
  };
  const refuses = async (sentence: RegExp, user: User, ...args: readonly string[]) => {
    const { code, stderr } = await run(user, ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
  };
  const names = async (user: User, ...args: readonly string[]) =>
    (await prints(user, 'templates', '-o', 'name', ...args))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice('template.coppice.dev/'.length));

  it('templates lists what the namespace may use, with facts', async () => {
    const rows = await eventually('the facts are there', async () => {
      const found = rowsOf(await prints('cleo', 'templates'));
      expect(found.slice(1).map((row) => row[5])).toEqual(
        Array(3).fill(expect.stringContaining('virtual-size-up-to=')),
      );
      return found;
    });
    expect(rows).toEqual([
      ['TEMPLATE', 'SERIES', 'VERSION', 'READY', 'HOSTS', 'FACTS', 'LABELS'],
      [
        'images/debian-12',
        'debian',
        '12',
        'True',
        '1',
        expect.stringMatching(/^os=linux,container=static-site,virtual/),
        '-',
      ],
      ['images/debian-9', 'debian', '9', 'True', '1', expect.any(String), '-'],
      ['own', '-', '-', 'True', '1', expect.stringContaining('container=command'), '-'],
    ]);
    expect(await names('cleo', '-A')).toEqual(['debian-12', 'debian-9', 'secret', 'own']);
    // Once as users run it, in a process of its own.
    const { stdout, stderr } = await runCli(kubeconfigs.get('ann') ?? '', 'templates', '-n', 'team');
    expect(rowsOf(stdout)).toHaveLength(2);
    expect(stderr).toContain('note: you may read the templates of namespace team only; others are left out');
  });

  it('label add makes a label of the user, and adds to it; nobody else does', async () => {
    expect(await prints('ann', 'label', 'add', 'lamp', '-t', 'images/debian-12')).toBe(
      'TemplateLabel team/lamp is made; ann owns it.\n',
    );
    await prints(
      'ann',
      'label',
      'add',
      'lamp',
      '-t',
      'images/debian-9',
      '--visibility',
      'Namespace',
      '--title',
      'LAMP',
    );
    await prints('ann', 'label', 'add', 'small', '--selector', 'facts.coppice.dev/container=command');
    await refuses(/only the user in spec.owner creates/, 'bea', 'label', 'add', 'lamp', '-t', 'own');
    await refuses(/only the user in spec.owner creates/, 'bea', 'label', 'remove', 'lamp');
    await refuses(/does not name team\/own: it names images/, 'ann', 'label', 'remove', 'lamp', '-t', 'own');
    const rows = await eventually('the status is there', async () => {
      const found = rowsOf(await prints('ann', 'label', 'list'));
      expect(found.map((row) => row[3])).toEqual(['TEMPLATES', '2', '1']);
      return found;
    });
    expect(rows.slice(1)).toEqual([
      ['lamp', 'ann', 'Namespace', '2', '0', 'no', 'LAMP'],
      ['small', 'ann', 'Private', '1', '0', 'no', 'small'],
    ]);
    // A private label is no label to others.
    expect(rowsOf(await prints('bea', 'label', 'list')).map(([name]) => name)).toEqual(['LABEL', 'lamp']);
    const { stderr: hidden } = await run('bea', 'follow', 'small');
    const { stderr: missing } = await run('bea', 'follow', 'smell');
    expect(hidden).toBe(missing.replace('smell', 'small'));
    expect(hidden).toContain('TemplateLabel team/small does not exist, or is not visible to bea');
  });

  it('templates filters by labels, those of people and those of Kubernetes', async () => {
    expect(await names('ann', '--label', 'lamp')).toEqual(['debian-12', 'debian-9']);
    expect(await names('ann', '--not-label', 'lamp')).toEqual(['own']);
    expect(await names('ann', '--label', 'small')).toEqual(['own']);
    expect(
      await names(
        'cleo',
        '--label',
        'facts.coppice.dev/series',
        '--not-label',
        'facts.coppice.dev/version in (9,10)',
      ),
    ).toEqual(['debian-12']);
    await refuses(
      /TemplateLabel team\/lampe does not exist, or is not visible to ann/,
      'ann',
      'templates',
      '--label',
      'lampe',
    );
    await refuses(
      /TemplateLabel team\/small does not exist, or is not visible to bea/,
      'bea',
      'templates',
      '--label',
      'small',
    );
    await refuses(/expected/, 'ann', 'templates', '--label', 'a in (');
    expect(await prints('ann', 'templates', '--label', 'lamp', '--label', 'small')).toBe(
      'No templates with such labels that namespace team may use.\n',
    );
    const rows = rowsOf(await prints('ann', 'templates', '--label', 'lamp'));
    expect(rows[1]?.at(-1)).toBe('lamp');
    const document = JSON.parse(await prints('ann', 'templates', '--label', 'small', '-o', 'json')) as {
      items: { metadata: object }[];
    };
    expect(document.items).toMatchObject([
      { kind: 'Template', metadata: { name: 'own', namespace: 'team' } },
    ]);
  });

  it('follow leads to templates --mine', async () => {
    expect(await prints('bea', 'templates', '--mine')).toMatch(/^bea follows no labels: /);
    expect(await prints('bea', 'follow', 'lamp')).toBe('bea follows team/lamp.\n');
    expect(await prints('bea', 'follow', 'team/lamp')).toBe('bea follows team/lamp already.\n');
    expect(await names('bea', '--mine')).toEqual(['debian-12', 'debian-9']);
    expect(rowsOf(await prints('bea', 'label', 'list', '--followed')).map(([name]) => name)).toEqual([
      'LABEL',
      'lamp',
    ]);
    await eventually('she is counted', async () => {
      expect(rowsOf(await prints('ann', 'label', 'list'))[1]).toContain('1');
    });
    await refuses(
      /bea does not follow team\/none in namespace team: the labels followed there are team\/lamp/,
      'bea',
      'unfollow',
      'none',
    );
  });

  it('templates --suggest shows what people with common labels have', async () => {
    await prints('ann', 'label', 'add', 'shop', '-t', 'own', '--visibility', 'Namespace');
    await prints('ann', 'follow', 'lamp', 'shop', 'small');
    expect(rowsOf(await prints('bea', 'templates', '--suggest'))).toEqual([
      ['LABEL', 'OWNER', 'OVERLAP', 'PEOPLE', 'TEMPLATES', 'FOLLOWERS', 'TITLE'],
      ['shop', 'ann', '1', '1', expect.any(String), expect.any(String), 'shop'],
    ]);
    expect(await prints('cleo', 'templates', '--suggest')).toMatch(/nothing to suggest yet/);
    expect(await prints('bea', 'unfollow', 'lamp')).toBe('bea no longer follows team/lamp.\n');
    expect(await prints('bea', 'templates', '--suggest')).toMatch(/nothing to suggest yet/);
  });

  it('label remove takes templates out, and deletes', async () => {
    await prints('ann', 'label', 'remove', 'lamp', '-t', 'images/debian-9');
    expect(await names('ann', '--label', 'lamp')).toEqual(['debian-12']);
    expect(await prints('ann', 'label', 'remove', 'lamp')).toBe('TemplateLabel team/lamp is deleted.\n');
    await refuses(
      /TemplateLabel team\/lamp does not exist, or is not visible to ann/,
      'ann',
      'label',
      'remove',
      'lamp',
    );
  });
});
