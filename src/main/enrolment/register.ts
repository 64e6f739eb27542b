import { HOSTS, type Host } from '../../api/kinds.ts';
import { FIELD_MANAGER } from '../../api/labels.ts';
import { isAlreadyExists } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { type Applicant, JoinError } from './applicant.ts';

/** On a Host that a DaemonSet's pod registered: its node. */
const NODE_ANNOTATION = 'coppice.dev/node';

const JOIN_ANEW = 'join anew with the token of `coppice host add`';

type Api = Pick<KubeClient, 'find' | 'create' | 'patch'>;

/** Makes sure that there is a Host of that name with that address, of that node; resolves with its uid. */
export async function registerHost(
  client: Api,
  { host: name, node }: Applicant,
  address: string,
): Promise<string> {
  const found = (await client.find(HOSTS, { name })) ?? (await create(client, name, node, address));
  if (found.metadata.deletionTimestamp !== undefined) {
    throw new JoinError(
      409,
      `host ${name} is being deleted, which waits for its appliances (\`kubectl describe host ${name}\`): join again when it is gone`,
    );
  }
  const owner = found.metadata.annotations?.[NODE_ANNOTATION];
  if (owner !== node) {
    const who = owner === undefined ? 'was not made for a node' : `is that of node ${owner}`;
    throw new JoinError(409, `host ${name} ${who}: delete that Host, or rename one of the two`);
  }
  if (found.spec.address !== address) {
    await client.patch(HOSTS, { name }, { spec: { address } }, { fieldManager: FIELD_MANAGER });
  }
  return uidOf(found);
}

/**
 * Rejects unless that very Host is still there. Whoever deleted it does not want it back, and one of the same name that
 * was added since may be another machine.
 */
export async function requireHost(
  client: Api,
  { host: name, uid }: { readonly host: string; readonly uid: string | undefined },
): Promise<string> {
  if (uid === undefined) {
    throw new JoinError(
      403,
      `the certificate of host ${name} does not say which Host it was made for, as those of older releases: ${JOIN_ANEW}`,
    );
  }
  const found = await client.find(HOSTS, { name });
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) {
    throw new JoinError(403, `host ${name} was deleted: add it again with \`coppice host add\``);
  }
  if (uidOf(found) === uid) return uid;
  throw new JoinError(
    403,
    `host ${name} was deleted and added again, and this certificate is for the one before: ${JOIN_ANEW}`,
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
