import type { KubeObject, ResourceRef } from '../../base/object.ts';
import { shownUrl } from '../../base/shown-url.ts';
import { isAlreadyExists, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { requestIdentity } from './client.ts';
import { saveIdentity } from './identity.ts';
import { HOST_ACCOUNT_PREFIX, JOIN_AUDIENCE } from './protocol.ts';

/** What a host outside the cluster needs to join. It is a secret while its token is valid. */
export interface Invitation {
  readonly host: string;
  readonly server: string;
  readonly address: string;
  /** PEM of the authority that must have signed the operator's certificate. */
  readonly ca: string;
  readonly token: string;
}

export interface InvitationRequest {
  readonly name: string;
  /** The operator's namespace. */
  readonly namespace: string;
  readonly address: string;
  readonly operator: string;
  readonly authoritySecret: string;
  readonly minutes: number;
}

const CORE = { group: '', version: 'v1', namespaced: true } as const;
const SECRETS: ResourceRef = { ...CORE, plural: 'secrets', kind: 'Secret' };
const ACCOUNTS: ResourceRef = { ...CORE, plural: 'serviceaccounts', kind: 'ServiceAccount' };
const HOST_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const URL_WITHOUT_PATH = /^https:\/\/[^\s/?#@]+$/;

/**
 * Creates a service account for the host, and a token of it. The account's name proves the host's name. Deleting the account
 * revokes the token.
 */
export async function invite(client: KubeClient, request: InvitationRequest): Promise<Invitation> {
  const { name, namespace, address, operator: server } = request;
  if (!HOST_NAME.test(name)) throw new Error(`'${name}' cannot be a host's name: it must be a DNS label`);
  for (const url of [address, server]) {
    if (!URL_WITHOUT_PATH.test(url))
      throw new Error(`'${shownUrl(url)}' must be https://ADDRESS:PORT, without a path`);
  }
  const ca = await authorityIn(client, request);
  const account = `${HOST_ACCOUNT_PREFIX}${name}`;
  await ensureAccount(client, namespace, account);
  return {
    host: name,
    server,
    address,
    ca,
    token: await tokenOf(client, namespace, account, request.minutes),
  };
}

/** Joins with an invitation, and saves the identity in the daemon's state directory. Resolves with the host's name. */
export async function accept(invitation: string, stateDirectory: string): Promise<string> {
  const { host, server, address, ca, token } = parse(invitation);
  const identity = await requestIdentity({ server, address, ca, proof: { token } });
  if (identity.host !== host) {
    throw new Error(
      `the invitation is for ${host}, but its token is that of ${identity.host}: get a new one with \`coppice host add\``,
    );
  }
  await saveIdentity(stateDirectory, identity);
  return host;
}

function parse(text: string): Invitation {
  const fields = ['host', 'server', 'address', 'ca', 'token'] as const;
  try {
    const value = JSON.parse(text) as Partial<Record<(typeof fields)[number], unknown>>;
    if (fields.every((field) => typeof value[field] === 'string')) return value as Invitation;
  } catch {
    // The same error as below.
  }
  throw new Error('this is not an invitation of `coppice host add`: copy its whole output, unchanged');
}

async function authorityIn(
  client: KubeClient,
  { namespace, authoritySecret: name }: InvitationRequest,
): Promise<string> {
  try {
    const secret = (await client.get(SECRETS, { namespace, name })) as KubeObject & {
      data?: Record<string, string>;
    };
    return Buffer.from(secret.data?.['ca.crt'] ?? '', 'base64').toString();
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Error(
      `there is no Secret ${namespace}/${name}: the operator creates it at its first start, so install the chart coppice first, or name its namespace with -n`,
      { cause: error },
    );
  }
}

async function ensureAccount(client: KubeClient, namespace: string, name: string): Promise<void> {
  try {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } };
    await client.create(ACCOUNTS, { ...account, automountServiceAccountToken: false } as KubeObject);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

async function tokenOf(
  client: KubeClient,
  namespace: string,
  name: string,
  minutes: number,
): Promise<string> {
  const ref = { ...ACCOUNTS, plural: `serviceaccounts/${name}/token`, kind: 'TokenRequest' };
  const answer = await client.create(ref, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { namespace, name },
    spec: { audiences: [JOIN_AUDIENCE], expirationSeconds: minutes * 60 },
  } as KubeObject);
  return (answer as KubeObject & { status: { token: string } }).status.token;
}
