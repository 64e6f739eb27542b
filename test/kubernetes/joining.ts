import type { KubeObject } from '../../src/base/object.ts';
import { requestIdentity } from '../../src/main/enrolment/client.ts';
import type { Identity } from '../../src/main/enrolment/identity.ts';
import { HOST_ACCOUNT_PREFIX, JOIN_AUDIENCE } from '../../src/main/enrolment/protocol.ts';
import type { OperatorConfig } from '../../src/main/operator.ts';
import type { World } from '../integration/operator/world.ts';
import { accountToken, OPERATOR_ACCOUNT } from './operator-account.ts';

/** The Secret with the authority of the hosts. */
export const AUTHORITY = { namespace: OPERATOR_ACCOUNT.namespace, name: 'coppice-hosts' };
export const DAEMON_SET_ACCOUNT = 'coppice-host';

export const SECRETS = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };

interface Enrolment {
  readonly config: NonNullable<OperatorConfig['enrolment']>;
  readonly url: string;
}

/** A place where an operator of that world may let hosts join. */
export async function enrolment(world: World): Promise<Enrolment> {
  const port = await world.freePort();
  const listen = { host: '127.0.0.1', port };
  return {
    config: { listen, daemonSetAccount: DAEMON_SET_ACCOUNT },
    url: `https://127.0.0.1:${port}`,
  };
}

export async function authorityOf(world: World): Promise<string> {
  const secret = (await world.kube.get(SECRETS, AUTHORITY)) as KubeObject & { data: Record<string, string> };
  return Buffer.from(secret.data['ca.crt'] ?? '', 'base64').toString();
}

/** Joins as an administrator lets a host do. */
export async function joinAs(
  world: World,
  server: string,
  name: string,
  { audience = JOIN_AUDIENCE, address = 'https://127.0.0.1:7444' } = {},
): Promise<Identity> {
  const token = await accountToken(world.kube, `${HOST_ACCOUNT_PREFIX}${name}`, audience);
  return await requestIdentity({ server, ca: await authorityOf(world), address, proof: { token } });
}
