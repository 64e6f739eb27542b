import { Agent, send as sendRequest } from '../../base/http.ts';
import { shownUrl } from '../../base/shown-url.ts';
import { requestCertificate } from '../certificates-on-demand.ts';
import type { Identity } from './identity.ts';
import {
  JOIN_PATH,
  type JoinAnswer,
  type JoinRefusal,
  type JoinRequest,
  OPERATOR_SERVER_NAME,
} from './protocol.ts';

/** A host's request for a certificate. */
export interface Application {
  /** The operator's address for joining. */
  readonly server: string;
  /** PEM of the authority that must have signed the operator's certificate. */
  readonly ca: string;
  /** The daemon's own address. */
  readonly address: string;
  /** What proves which host it is: a service account's token, or the certificate that it renews. */
  readonly proof: { readonly token: string } | { readonly cert: string; readonly key: string };
}

const TIMEOUT_MS = 30_000;

/** Requests a certificate from the operator; rejects with the operator's message. The key is made here and never sent. */
export async function requestIdentity(application: Application): Promise<Identity> {
  const { server, address } = application;
  const { key, csr } = await requestCertificate('host');
  const answer = await send(application, { csr, address });
  if ('error' in answer) throw new Error(`the operator at ${shownUrl(server)} refuses: ${answer.error}`);
  const { host, certificate: cert, ca: clientCa } = answer;
  return { host, server, address, key, cert, clientCa };
}

async function send(
  { server, ca, proof }: Application,
  content: JoinRequest,
): Promise<JoinAnswer | JoinRefusal> {
  const tls = 'token' in proof ? {} : proof;
  const agent = new Agent({ connect: { ca, ...tls, servername: OPERATOR_SERVER_NAME } });
  try {
    const response = await sendRequest(agent, new URL(JOIN_PATH, server), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...('token' in proof ? { authorization: `Bearer ${proof.token}` } : {}),
      },
      body: JSON.stringify(content),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    return (await response.body.json()) as JoinAnswer | JoinRefusal;
  } catch (error) {
    throw unreachable(server, error);
  } finally {
    await agent.destroy();
  }
}

function unreachable(server: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new Error(
    `the operator cannot be reached at ${shownUrl(server)} (${code}): check that it runs, that its Service is reachable from here, and that its certificate is signed by the authority that this host trusts`,
    { cause: error },
  );
}
