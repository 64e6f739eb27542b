import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { subprotocolToken } from '../../base/subprotocols.ts';
import type { TokenUser, User } from './types.ts';

const AUTHENTICATED = 'system:authenticated';
/** Key in a user's extra fields that names the certificate they used. */
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Returns the user who sent a request; ANONYMOUS without credentials; undefined for invalid credentials. */
export type Authenticate = (request: IncomingMessage) => User | undefined;

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function asList(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((item) => typeof item === 'string');
  return typeof value === 'string' ? [value] : [];
}

function withAuthenticated(groups: readonly string[]): string[] {
  return [...new Set([...groups, AUTHENTICATED])];
}

/** Looks up a token. Compares the digests of all tokens, so that timing reveals nothing about them. */
export function tokenLookup(tokens: readonly TokenUser[]): (token: string) => User | undefined {
  const known = tokens.map(({ token, user, uid, groups }) => ({
    digest: digest(token),
    user: { name: user, ...(uid ? { uid } : {}), groups: withAuthenticated(groups) },
  }));
  return (token) => {
    const asked = digest(token);
    let found: User | undefined;
    for (const entry of known) {
      if (timingSafeEqual(entry.digest, asked)) found = entry.user;
    }
    return found;
  };
}

/** CN is the user, O are the groups; undefined when our CA did not issue the certificate. */
function certificateUser(socket: TLSSocket): User | undefined {
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  const [name] = asList(subject?.CN);
  if (!socket.authorized || name === undefined) return undefined;
  const credential = `X509SHA256=${fingerprint256.replaceAll(':', '').toLowerCase()}`;
  return { name, groups: withAuthenticated(asList(subject?.O)), extra: { [CREDENTIAL_ID]: [credential] } };
}

/** The client's identity by the TLS handshake of a connection; cached, as asking the socket each time is slow. */
interface Proof {
  readonly hasCertificate: boolean;
  readonly user: User | undefined;
}

function proofOf(socket: unknown): Proof {
  const hasCertificate =
    socket instanceof TLSSocket && Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
  return { hasCertificate, user: hasCertificate ? certificateUser(socket) : undefined };
}

/** The bearer token in the header; undefined without the header, null when it has none. */
function headerToken({ headers }: IncomingMessage): string | null | undefined {
  const { authorization } = headers;
  return authorization === undefined ? undefined : (/^Bearer\s+(\S+)\s*$/i.exec(authorization)?.[1] ?? null);
}

/** By client certificate first, then by bearer token, be it in the header or in a WebSocket's subprotocol, as kube-apiserver does. */
export function authenticator(lookup: (token: string) => User | undefined): Authenticate {
  const proofs = new WeakMap<object, Proof>();
  return (request) => {
    const { socket } = request;
    const proof = proofs.get(socket) ?? proofOf(socket);
    proofs.set(socket, proof);
    const { hasCertificate, user } = proof;
    if (user !== undefined) return user;
    const tokens = [headerToken(request), subprotocolToken(request)].filter((token) => token !== undefined);
    if (tokens.length === 0) return hasCertificate ? undefined : ANONYMOUS;
    for (const token of tokens) {
      const found = token === null ? undefined : lookup(token);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}
