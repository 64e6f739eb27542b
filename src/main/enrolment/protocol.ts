/**
 * How a host's daemon gets its certificate: one call to the operator, over HTTPS, as JSON.
 * `POST /v1/join` with a token of a service account (`authorization: Bearer …`) or with the certificate that is to be renewed.
 */

/** The name that the operator's certificate carries, wherever it is reached. */
export const OPERATOR_SERVER_NAME = 'operator.coppice';

/** What tokens must be meant for: one that was stolen elsewhere is worth nothing here, and one from here nothing elsewhere. */
export const JOIN_AUDIENCE = 'coppice-operator';

/** Service accounts of hosts outside the cluster are called this, and the host's name. */
export const HOST_ACCOUNT_PREFIX = 'coppice-host-';

export const JOIN_PATH = '/v1/join';

export interface JoinRequest {
  /** PEM. Only its key counts: whose certificate it becomes follows from who asks. */
  readonly csr: string;
  /** Where the operator shall reach the daemon: `https://address:port`. */
  readonly address: string;
}

export interface JoinAnswer {
  /** Whose certificate it is. */
  readonly host: string;
  /** PEMs: the host's certificate, and the authority of those who may call it. */
  readonly certificate: string;
  readonly ca: string;
}

/** What a person should do next is in the sentence. */
export interface JoinRefusal {
  readonly error: string;
}
