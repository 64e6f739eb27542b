import type { KubeClient } from '../../kube/client/client.ts';
import { reviewToken } from '../../kube/client/reviews.ts';
import { HOST_ACCOUNT_PREFIX, JOIN_AUDIENCE } from './protocol.ts';

/** The host that requests a certificate, by what its token proves. */
export interface Applicant {
  /** The name of its Host object. */
  readonly host: string;
  /** The node whose DaemonSet pod it is; undefined for hosts outside the cluster. */
  readonly node?: string;
}

/** The host may not join; the message says what to do. `status` is the HTTP status. */
export class JoinError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'JoinError';
    this.status = status;
  }
}

/** https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens */
const NODE_NAME = 'authentication.kubernetes.io/node-name';
const HOST_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The service accounts whose tokens are accepted. */
export interface Accounts {
  /** The operator's namespace; accounts of other namespaces are refused. */
  readonly namespace: string;
  /** The service account of the DaemonSet. */
  readonly daemonSet: string;
}

/**
 * Asks the API server whose token this is. A pod of the DaemonSet is the host of the node on which it runs, and no other;
 * the account `coppice-host-NAME` is the host NAME.
 */
export async function applicantOf(
  client: Pick<KubeClient, 'create'>,
  accounts: Accounts,
  token: string,
): Promise<Applicant> {
  const user = await reviewToken(client, token, JOIN_AUDIENCE);
  if (user === undefined) {
    throw new JoinError(401, 'the token is invalid or has expired: get a new one with `coppice host add`');
  }
  const { username, extra = {} } = user;
  const prefix = `system:serviceaccount:${accounts.namespace}:`;
  const account = username.startsWith(prefix) ? username.slice(prefix.length) : undefined;
  if (account === accounts.daemonSet) return ofNode(extra[NODE_NAME]?.[0]);
  if (account?.startsWith(HOST_ACCOUNT_PREFIX)) {
    return { host: checked(account.slice(HOST_ACCOUNT_PREFIX.length)) };
  }
  throw new JoinError(
    403,
    `${username} is not the account of a host: hosts join with the token of \`coppice host add\``,
  );
}

function ofNode(node: string | undefined): Applicant {
  if (node === undefined) {
    throw new JoinError(
      403,
      'the token does not say on which node its pod runs: this needs Kubernetes 1.30 or newer',
    );
  }
  // A Host's name is one DNS label, a node's may be several.
  return { host: checked(node.replaceAll('.', '-')), node };
}

function checked(host: string): string {
  if (HOST_NAME.test(host)) return host;
  throw new JoinError(
    403,
    `'${host}' cannot be a host's name: it must be a DNS label of at most 63 characters`,
  );
}
