import type { KubeObject, ResourceRef } from '../../api/object.ts';
import { isAlreadyExists, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { askForIdentity } from './client.ts';
import { saveIdentity } from './identity.ts';
import { HOST_ACCOUNT_PREFIX, JOIN_AUDIENCE } from './protocol.ts';

/** What a host outside the cluster needs to join; a secret for as long as its token is good. */
export interface Invitation {
  readonly host: string;
  readonly server: string;
  readonly address: string;
  /** PEM of the authority that the operator must prove to be of. */
  readonly ca: string;
  readonly token: string;
}

export interface InvitationRequest {
  readonly name: string;
  /** Where the operator runs. */
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
const URL_WITHOUT_PATH = /^https:\/\/[^\s/]+$/;

/**
 * Makes the host's service account, whose name is the proof of the host's, and a token of it. Deleting the account takes
 * the token's worth away.
 */
export async function invite(client: KubeClient, request: InvitationRequest): Promise<Invitation> {
  const { name, namespace, address, operator: server } = request;
  if (!HOST_NAME.test(name)) throw new Error(`'${name}' cannot be a host's name: it must be a DNS label`);
  for (const url of [address, server]) {
    if (!URL_WITHOUT_PATH.test(url))
      throw new Error(`'${url}' must be https://ADDRESS:PORT and nothing more`);
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

/** Joins by an invitation, and leaves the identity in the daemon's state directory; resolves with the host's name. */
export async function accept(invitation: string, stateDirectory: string): Promise<string> {
  const { host, server, address, ca, token } = parse(invitation);
  const identity = await askForIdentity({ server, address, ca, proof: { token } });
  if (identity.host !== host) {
    throw new Error(`the invitation is for ${host}, and the operator took its token for ${identity.host}'s`);
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
    // Said below, in the same words.
  }
  throw new Error('this is not what `coppice host add` wrote: copy it whole, and unchanged');
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
      `there is no Secret ${namespace}/${name}: the operator makes it at its first start, so install the chart coppice first, or name its namespace`,
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
