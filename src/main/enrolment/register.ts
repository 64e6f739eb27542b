import { HOSTS, type Host } from '../../api/kinds.ts';
import { FIELD_MANAGER } from '../../api/labels.ts';
import { isAlreadyExists } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Applicant, JoinError } from './applicant.ts';

/** On a Host that a DaemonSet's pod registered: its node. */
const NODE_ANNOTATION = 'coppice.dev/node';

type Api = Pick<KubeClient, 'find' | 'create' | 'patch'>;

/** Makes sure that there is a Host of that name with that address, of that node. */
export async function registerHost(
  client: Api,
  { host: name, node }: Applicant,
  address: string,
): Promise<void> {
  const found = (await client.find(HOSTS, { name })) ?? (await create(client, name, node, address));
  const owner = found.metadata.annotations?.[NODE_ANNOTATION];
  if (owner !== node) {
    const who = owner === undefined ? 'was not made for a node' : `is that of node ${owner}`;
    throw new JoinError(409, `host ${name} ${who}: delete that Host, or rename one of the two`);
  }
  if (found.spec.address === address) return;
  await client.patch(HOSTS, { name }, { spec: { address } }, { fieldManager: FIELD_MANAGER });
}

/** Rejects when the host was deleted since: whoever did so does not want it back. */
export async function requireHost(client: Api, name: string): Promise<void> {
  const found = await client.find(HOSTS, { name });
  if (found !== undefined && found.metadata.deletionTimestamp === undefined) return;
  throw new JoinError(403, `host ${name} was deleted: add it again with \`coppice host add\``);
}

async function create(client: Api, name: string, node: string | undefined, address: string): Promise<Host> {
  const annotations = node === undefined ? undefined : { [NODE_ANNOTATION]: node };
  // The API server fills in the rest.
  const host = { apiVersion: 'coppice.dev/v1alpha1', kind: 'Host', metadata: { name, annotations } };
  try {
    return await client.create(HOSTS, { ...host, spec: { address } } as Host);
  } catch (error) {
    const found = isAlreadyExists(error) ? await client.find(HOSTS, { name }) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}
