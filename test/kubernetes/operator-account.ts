import { readFile, writeFile } from 'node:fs/promises';
import type { KubeObject, ResourceRef } from '../../src/base/object.ts';
import { isAlreadyExists } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { PERMISSIONS, type Permission, ruleOf } from '../../src/main/permissions.ts';

/** The service account that operators of tests run as, and the namespace whose Leases it may take. */
export const OPERATOR_ACCOUNT = { namespace: 'default', name: 'coppice-operator' } as const;
export const OPERATOR_USER = `system:serviceaccount:${OPERATOR_ACCOUNT.namespace}:${OPERATOR_ACCOUNT.name}`;
export const OPERATOR_GROUPS = [
  'system:serviceaccounts',
  `system:serviceaccounts:${OPERATOR_ACCOUNT.namespace}`,
];

const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const;
const ACCOUNTS = coreRef('serviceaccounts', 'ServiceAccount');
const TOKEN_SECONDS = 3600;

/** Makes the operator's service account, which may do what PERMISSIONS say and nothing else. */
export async function makeOperatorAccount(client: KubeClient): Promise<void> {
  const { namespace, name } = OPERATOR_ACCOUNT;
  await ensure(client, ACCOUNTS, { metadata: { namespace, name } });
  await grant(
    client,
    'ClusterRole',
    PERMISSIONS.filter(({ scope }) => scope === 'cluster'),
  );
  await grant(
    client,
    'Role',
    PERMISSIONS.filter(({ scope }) => scope === 'namespace'),
  );
}

/** Leaves it only those of the cluster's permissions. */
export async function limitOperator(
  client: KubeClient,
  isGranted: (permission: Permission) => boolean,
): Promise<void> {
  const granted = PERMISSIONS.filter((each) => each.scope === 'cluster' && isGranted(each));
  const ref = { ...RBAC, kind: 'ClusterRole', plural: 'clusterroles', namespaced: false };
  const { name } = OPERATOR_ACCOUNT;
  await client.patch(ref, { name }, { rules: granted.map((each) => ruleOf(each)) });
}

/**
 * Writes a kubeconfig with a token of the operator's service account beside the administrator's one; resolves with its
 * path.
 */
export async function writeOperatorKubeconfig(
  adminKubeconfigPath: string,
  client: KubeClient,
): Promise<string> {
  const token = await requestToken(client, OPERATOR_ACCOUNT.name);
  const config = JSON.parse(await readFile(adminKubeconfigPath, 'utf8')) as object;
  const path = `${adminKubeconfigPath}.operator`;
  await writeFile(path, JSON.stringify({ ...config, users: [{ name: 'test', user: { token } }] }), {
    mode: 0o600,
  });
  return path;
}

/** Lets it do in a namespace what an administrator has to choose, as the chart's `rbac.secretNamespaces` does. */
export async function grantSecrets(client: KubeClient, namespace: string): Promise<void> {
  const name = `${OPERATOR_ACCOUNT.name}-secrets`;
  const chosen = PERMISSIONS.filter(({ scope }) => scope === 'chosen');
  await grant(client, 'Role', chosen, { name, namespace });
}

async function grant(
  client: KubeClient,
  kind: 'Role' | 'ClusterRole',
  permissions: readonly Permission[],
  where: { readonly name: string; readonly namespace: string } = OPERATOR_ACCOUNT,
): Promise<void> {
  const namespaced = kind === 'Role';
  const { name } = where;
  const metadata = namespaced ? where : { name };
  const rules = permissions.map((each) => ruleOf(each));
  await ensure(client, { ...RBAC, kind, plural: `${kind.toLowerCase()}s`, namespaced }, { metadata, rules });
  const roleRef = { apiGroup: RBAC.group, kind, name };
  const subjects = [{ kind: 'ServiceAccount', ...OPERATOR_ACCOUNT }];
  await ensure(
    client,
    { ...RBAC, kind: `${kind}Binding`, plural: `${kind.toLowerCase()}bindings`, namespaced },
    { metadata, roleRef, subjects },
  );
}

function coreRef(plural: string, kind: string): ResourceRef {
  return { group: '', version: 'v1', plural, kind, namespaced: true };
}

async function ensure(
  client: KubeClient,
  ref: ResourceRef,
  content: Pick<KubeObject, 'metadata'> & Record<string, unknown>,
): Promise<void> {
  const apiVersion = ref.group === '' ? ref.version : `${ref.group}/${ref.version}`;
  try {
    await client.create(ref, { apiVersion, kind: ref.kind, ...content });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** A token of a service account of that name beside the operator's, which is made if there is none. */
export async function accountToken(client: KubeClient, name: string, audience: string): Promise<string> {
  await ensure(client, ACCOUNTS, { metadata: { ...OPERATOR_ACCOUNT, name } });
  return await requestToken(client, name, [audience]);
}

async function requestToken(
  client: KubeClient,
  name: string,
  audiences?: readonly string[],
): Promise<string> {
  const ref = coreRef(`serviceaccounts/${name}/token`, 'TokenRequest');
  const answer = await client.create(ref, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { namespace: OPERATOR_ACCOUNT.namespace, name },
    spec: { expirationSeconds: TOKEN_SECONDS, audiences },
  } as KubeObject);
  return (answer as KubeObject & { status: { token: string } }).status.token;
}
