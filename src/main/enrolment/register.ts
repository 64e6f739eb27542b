import { HOSTS, type Host } from '../../api/kinds.ts';
import { FIELD_MANAGER } from '../../api/labels.ts';
import { isAlreadyExists } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { type Applicant, JoinError } from './applicant.ts';

/** The annotation with the node of a Host that a DaemonSet's pod registered. */
const NODE_ANNOTATION = 'coppice.dev/node';

const JOIN_AGAIN = 'join again with a new invitation of `coppice host add`';

type Api = Pick<KubeClient, 'find' | 'create' | 'patch'>;

/** Creates or updates the Host, with this address, for this node; resolves with its uid. */
export async function registerHost(
  client: Api,
  { host: name, node }: Applicant,
  address: string,
): Promise<string> {
  const found = (await client.find(HOSTS, { name })) ?? (await create(client, name, node, address));
  if (found.metadata.deletionTimestamp !== undefined) {
    throw new JoinError(
      409,
      `host ${name} is being deleted and waits for its appliances (see \`kubectl describe host ${name}\`): join again when it is gone`,
    );
  }
  const owner = found.metadata.annotations?.[NODE_ANNOTATION];
  if (owner !== node) {
    const who = owner === undefined ? 'does not belong to a node' : `belongs to node ${owner}`;
    throw new JoinError(409, `host ${name} ${who}: delete that Host, or rename one of the two`);
  }
  if (found.spec.address !== address) {
    await client.patch(HOSTS, { name }, { spec: { address } }, { fieldManager: FIELD_MANAGER });
  }
  return uidOf(found);
}

/**
 * Rejects unless the Host with this uid still exists. If it was deleted, it must not come back by itself; and a Host of the same
 * name that was added later may be another machine.
 */
export async function requireHost(
  client: Api,
  { host: name, uid }: { readonly host: string; readonly uid: string | undefined },
): Promise<string> {
  if (uid === undefined) {
    throw new JoinError(
      403,
      `the certificate of host ${name} is of an older release and does not contain the uid of its Host: ${JOIN_AGAIN}`,
    );
  }
  const found = await client.find(HOSTS, { name });
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) {
    throw new JoinError(403, `host ${name} was deleted: add it again with \`coppice host add\``);
  }
  if (uidOf(found) === uid) return uid;
  throw new JoinError(
    403,
    `host ${name} was deleted and added again, and this certificate is for the deleted one: ${JOIN_AGAIN}`,
  );
}

function uidOf({ metadata: { name, uid } }: Host): string {
  if (uid === undefined) throw new Error(`the API server gave host ${name} no uid`);
  return uid;
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
