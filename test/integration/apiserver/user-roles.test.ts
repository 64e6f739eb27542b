import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/base/object.ts';
import type { KubeClient } from '../../../src/kube/client/client.ts';
import { createKubeClient } from '../../../src/kube/client/create.ts';
import { runApi } from '../../../src/main/embedded.ts';
import { testPki } from './world.ts';

const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const;
const BINDINGS = { ...RBAC, plural: 'rolebindings', kind: 'RoleBinding', namespaced: true };
const CLUSTER_ROLES = { ...RBAC, plural: 'clusterroles', kind: 'ClusterRole', namespaced: false };
const DEFINITIONS = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const ACCESS = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'selfsubjectaccessreviews',
  kind: 'SelfSubjectAccessReview',
  namespaced: false,
};
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
const USERS = ['view', 'edit', 'admin', 'nobody'] as const;
const log = pino({ level: 'silent' });

type User = (typeof USERS)[number];
type Server = Awaited<ReturnType<typeof runApi>>;

describe('users of the default roles', () => {
  let dir: string;
  let server: Server;
  let ca: string;
  const clients = new Map<string, KubeClient>();

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coppice-user-roles-'));
    const lines = ['root-token,root,,system:masters', ...USERS.map((user) => `${user}-token,${user},`)];
    await writeFile(join(dir, 'tokens.csv'), lines.join('\n'), { mode: 0o600 });
    await open();
    await as('root').create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
    for (const user of USERS.filter((each) => each !== 'nobody')) await bind(user);
  });
  afterAll(async () => {
    await close();
    await rm(dir, { recursive: true });
  });

  /** Starts the server as `coppice api` does. */
  async function open(): Promise<void> {
    const pki = await testPki(dir);
    ca = pki.ca.cert;
    server = await runApi({
      listen: { host: '127.0.0.1', port: 0 },
      storagePath: join(dir, 'api.db'),
      tls: { ...pki.certificates.server, clientCa: ca },
      tokenFile: join(dir, 'tokens.csv'),
      log,
    });
  }

  async function close(): Promise<void> {
    for (const client of clients.values()) await client.close();
    clients.clear();
    await server?.close();
  }

  function as(user: string): KubeClient {
    const existing = clients.get(user);
    if (existing !== undefined) return existing;
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'c', server: server.url, caData: Buffer.from(ca).toString('base64') }],
      users: [{ name: 'u', token: `${user}-token` }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    const made = createKubeClient(config, { log });
    clients.set(user, made);
    return made;
  }

  /** As `kubectl create rolebinding USER --clusterrole=USER --user=USER -n team`. */
  async function bind(user: string): Promise<void> {
    await as('root').create(BINDINGS, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: user, namespace: 'team' },
      roleRef: { apiGroup: RBAC.group, kind: 'ClusterRole', name: user },
      subjects: [{ apiGroup: RBAC.group, kind: 'User', name: user }],
    } as KubeObject);
  }

  /** As `kubectl auth can-i VERB RESOURCE.coppice.dev -n NAMESPACE`. */
  async function canI(user: User, verb: string, path: string, namespace: string): Promise<boolean> {
    const [resource, subresource] = path.split('/');
    const resourceAttributes = { group: 'coppice.dev', resource, subresource, verb, namespace };
    const answer = await as(user).create(ACCESS, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      metadata: {},
      spec: { resourceAttributes },
    } as unknown as KubeObject);
    return (answer as KubeObject & { status: { allowed: boolean } }).status.allowed;
  }

  it.each<[string, string, readonly User[]]>([
    ['list', 'servicedeployments', ['view', 'edit', 'admin']],
    ['watch', 'virtualappliances', ['view', 'edit', 'admin']],
    ['get', 'ippools', ['view', 'edit', 'admin']],
    ['get', 'templates/status', ['view', 'edit', 'admin']],
    ['get', 'servicedeployments/scale', ['view', 'edit', 'admin']],
    ['create', 'servicedeployments', ['edit', 'admin']],
    ['patch', 'servicedeployments/scale', ['edit', 'admin']],
    ['delete', 'virtualappliances', ['edit', 'admin']],
    ['update', 'templates', ['edit', 'admin']],
    ['create', 'ippools', ['admin']],
    ['patch', 'servicedeployments/status', []],
    ['update', 'virtualappliances/finalizers', []],
    ['create', 'templatelabels', ['edit', 'admin']],
    ['own-for-others', 'templatelabels', []],
    ['create', 'hosts', []],
    ['delete', 'ipleases', []],
  ])('%s %s: %j', async (verb, path, allowed) => {
    const answers = await Promise.all(USERS.map((user) => canI(user, verb, path, 'team')));
    expect(USERS.filter((_, at) => answers[at])).toEqual(allowed);
    const elsewhere = await Promise.all(USERS.map((user) => canI(user, verb, path, 'default')));
    expect(elsewhere).not.toContain(true);
  });

  it('get their rights back at the next start, which writes no role or definition that is unchanged', async () => {
    const names = ['coppice.dev:view', 'coppice.dev:edit', 'coppice.dev:admin'];
    const read = () => Promise.all(names.map((name) => as('root').get(CLUSTER_ROLES, { name })));
    const [, edit, admin] = await read();
    const kinds = (await as('root').list(DEFINITIONS)).items;
    await as('root').patch(CLUSTER_ROLES, { name: 'coppice.dev:view' }, { rules: [] });
    expect(await canI('view', 'list', 'templates', 'team')).toBe(false);
    await close();
    await open();
    expect(await canI('view', 'list', 'templates', 'team')).toBe(true);
    expect((await read()).slice(1)).toEqual([edit, admin]);
    expect((await as('root').list(DEFINITIONS)).items).toEqual(kinds);
  });
});
