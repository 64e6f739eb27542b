/**
 * How a host's daemon gets its certificate: one call to the operator, over HTTPS, as JSON.
 * `POST /v1/join` with a service account's token (`authorization: Bearer …`), or with the certificate that it renews.
 */

/** The name in the operator's certificate, at whatever address the operator is reached. */
export const OPERATOR_SERVER_NAME = 'operator.coppice';

/** The audience of the tokens: a token stolen elsewhere is useless here, and one stolen here is useless elsewhere. */
export const JOIN_AUDIENCE = 'coppice-operator';

/** A host outside the cluster has a service account whose name is this prefix and the host's name. */
export const HOST_ACCOUNT_PREFIX = 'coppice-host-';

export const JOIN_PATH = '/v1/join';

export interface JoinRequest {
  /** PEM. Only its key is used; the names in the certificate come from the proof. */
  readonly csr: string;
  /** Where the operator reaches the daemon: `https://address:port`. */
  readonly address: string;
}

export interface JoinAnswer {
  /** The host's name. */
  readonly host: string;
  /** PEMs: the host's certificate, and the authority of the clients that may call it. */
  readonly certificate: string;
  readonly ca: string;
}

/** The message says what a person should do next. */
export interface JoinRefusal {
  readonly error: string;
}
