import { Agent, request } from 'undici';
import { requestCertificate } from '../certificates-on-demand.ts';
import type { Identity } from './identity.ts';
import {
  JOIN_PATH,
  type JoinAnswer,
  type JoinRefusal,
  type JoinRequest,
  OPERATOR_SERVER_NAME,
} from './protocol.ts';

/** How somebody asks for a certificate. */
export interface Application {
  /** The operator's address for joining. */
  readonly server: string;
  /** PEM of the authority that the operator must prove to be of. */
  readonly ca: string;
  /** The daemon's own address. */
  readonly address: string;
  /** Who asks: by the token of a service account, or by the certificate that is to be renewed. */
  readonly proof: { readonly token: string } | { readonly cert: string; readonly key: string };
}

const TIMEOUT_MS = 30_000;

/** Asks the operator for a certificate; rejects with its sentence. The key is made here and stays here. */
export async function askForIdentity(application: Application): Promise<Identity> {
  const { server, ca, address, proof } = application;
  const { key, csr } = await requestCertificate('host');
  const tls = 'token' in proof ? {} : proof;
  const agent = new Agent({ connect: { ca, ...tls, servername: OPERATOR_SERVER_NAME } });
  try {
    const response = await request(new URL(JOIN_PATH, server), {
      dispatcher: agent,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...('token' in proof ? { authorization: `Bearer ${proof.token}` } : {}),
      },
      body: JSON.stringify({ csr, address } satisfies JoinRequest),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    const answer = (await response.body.json()) as JoinAnswer | JoinRefusal;
    if ('error' in answer) throw new Error(`the operator at ${server} refuses: ${answer.error}`);
    const { host, certificate: cert, ca: clientCa } = answer;
    return { host, server, address, key, cert, clientCa };
  } catch (error) {
    throw error instanceof Error && error.message.startsWith('the operator at ')
      ? error
      : unreachable(server, error);
  } finally {
    await agent.destroy();
  }
}

function unreachable(server: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new Error(
    `the operator cannot be asked at ${server} (${code}): see that it runs, that its Service is reachable from here, and that it has the authority that this host was told to trust`,
    { cause: error },
  );
}
