import { HOSTS, VIRTUAL_APPLIANCES } from '../api/kinds.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { Refusal } from './refusal.ts';
import type { StreamRequest } from './request.ts';

/** The daemon that has the appliance. */
export interface Target {
  readonly hostName: string;
  readonly url: URL;
}

/** Where the stream is. Throws 404 or 409 with what to do when there is nothing to connect to. */
export async function targetOf(
  client: Pick<KubeClient, 'get'>,
  { namespace, name, daemonPath }: StreamRequest,
): Promise<Target> {
  const appliance = await found(
    client.get(VIRTUAL_APPLIANCES, { namespace, name }),
    `virtualappliances.coppice.dev "${name}" not found`,
  );
  const { hostName } = appliance.spec;
  if (hostName === undefined) {
    const advice = `\`kubectl describe virtualappliance ${name} -n ${namespace}\` shows why`;
    throw new Refusal(409, 'Conflict', `${namespace}/${name} is not placed on a host yet: ${advice}`);
  }
  const host = await found(client.get(HOSTS, { name: hostName }), `its host ${hostName} is not registered`);
  const path = `/v1/appliances/${appliance.metadata.uid}/${daemonPath}`;
  return { hostName, url: new URL(path, host.spec.address) };
}

async function found<T>(object: Promise<T>, message: string): Promise<T> {
  try {
    return await object;
  } catch (error) {
    throw isNotFound(error) ? new Refusal(404, 'NotFound', message) : error;
  }
}
