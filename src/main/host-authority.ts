import { SECRETS, type Secret } from '../api/kinds.ts';
import type { ObjectName } from '../base/object.ts';
import { own } from '../base/own.ts';
import { OPERATOR_ORGANIZATION } from '../host/protocol.ts';
import { isAlreadyExists } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { KeyPair } from './certificates.ts';
import { createCa, issueCertificate } from './certificates-on-demand.ts';
import { belongTogether } from './pki.ts';

/** PEMs: the authority of the hosts' daemons, and the operator's own certificate and key. */
export interface HostTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const CA_DAYS = 3650;
/** Keys in the Secret: the authority's certificate, which hosts may read, and its key, which they must not. */
const CERTIFICATE = 'ca.crt';
const KEY = 'ca.key';

/**
 * The authority of the hosts, from its Secret. The Secret is created if it does not exist, and never changed afterwards, since
 * every host trusts this authority. If several operators begin at once, one creates it, and all get the same.
 */
export async function ensureHostAuthority(
  client: Pick<KubeClient, 'find' | 'get' | 'create'>,
  name: ObjectName,
  now: number,
  signal: AbortSignal,
): Promise<KeyPair> {
  const found = await client.find(SECRETS, name, { signal });
  if (found !== undefined) return authorityIn(found);
  const made = await createCa({ commonName: 'coppice-hosts', days: CA_DAYS, now });
  const data = { [CERTIFICATE]: toBase64(made.cert), [KEY]: toBase64(made.key) };
  try {
    await client.create(
      SECRETS,
      { apiVersion: 'v1', kind: 'Secret', metadata: { ...name }, type: 'Opaque', data },
      { signal },
    );
    return made;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return authorityIn(await client.get(SECRETS, name, { signal }));
  }
}

/** A certificate for the operator. Its key stays in this process's memory, so it may be valid as long as the authority. */
export async function operatorTls(authority: KeyPair, now: number): Promise<HostTls> {
  const pair = await issueCertificate(authority, {
    commonName: 'coppice-operator',
    organizations: [OPERATOR_ORGANIZATION],
    usage: 'client',
    days: CA_DAYS,
    now,
  });
  return { ca: authority.cert, ...pair };
}

function authorityIn({ metadata, data = {} }: Secret): KeyPair {
  const [cert, key] = [CERTIFICATE, KEY].map((item) =>
    Buffer.from(own(data, item) ?? '', 'base64').toString(),
  );
  if (cert === undefined || key === undefined || !belongTogether(key, cert)) {
    throw new Error(
      `the Secret ${metadata.namespace}/${metadata.name} holds no usable authority (${CERTIFICATE} and its ${KEY}): ` +
        'restore it from a backup; or delete it and restart the operator, which creates a new one: then every host must join again',
    );
  }
  return { cert, key };
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
