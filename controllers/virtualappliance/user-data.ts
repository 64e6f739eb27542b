import { SECRETS, type Secret, type VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { own } from '../../src/base/own.ts';
import { userDataProblem } from '../../src/domain/cloud-init/user-data.ts';
import { isRefused } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { errorOf, RetryError } from '../obstacles/obstacle.ts';
import { userDataObstacles } from '../obstacles/user-data.ts';

/** Reads user data from the API server; who asks keeps it no longer than it takes to send it. */
export type ReadUserData = (signal: AbortSignal) => Promise<string>;

/**
 * How to read the user data that an appliance has in a Secret; undefined when it has none there. Secrets are not watched, and no
 * text of theirs is in a message.
 */
export function userDataReader(
  { metadata, spec }: VirtualAppliance,
  client: Pick<KubeClient, 'find'>,
): ReadUserData | undefined {
  const source = spec.parameters?.cloudInit?.userDataSecret;
  if (source === undefined) return undefined;
  const name = { namespace: metadata.namespace ?? 'default', name: source.name };
  return async (signal) => {
    const secret = await client.find(SECRETS, name, { signal }).catch((error: unknown) => {
      throw isRefused(error) ? new RetryError(userDataObstacles.secretRefused(keyOf(name)), error) : error;
    });
    if (secret === undefined) throw errorOf(userDataObstacles.secretNotFound(keyOf(name)));
    return textIn(secret, source.key, keyOf(name));
  };
}

/** @throws WaitingError SecretNotFound without that key; UserDataInvalid for what cloud-init could not read */
function textIn({ data = {} }: Secret, key: string, secret: string): string {
  const value = own(data, key);
  if (value === undefined) throw errorOf(userDataObstacles.secretKeyNotFound(secret, key));
  const text = decoded(Buffer.from(value, 'base64'));
  const problem = text === undefined ? 'it is not text in UTF-8' : userDataProblem(text);
  if (text === undefined || problem !== undefined)
    throw errorOf(userDataObstacles.secretInvalid(secret, key, problem ?? ''));
  return text;
}

function decoded(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // The error would quote nothing that helps.
    return undefined;
  }
}
