import type { IncomingMessage } from 'node:http';
import { type DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { own } from '../base/own.ts';
import { subprotocolToken } from '../base/subprotocols.ts';
import type { UserInfo } from '../kube/client/reviews.ts';
import { Refusal } from './refusal.ts';
import type { FrontProxy, Trust } from './trust.ts';

const AUTHENTICATED = 'system:authenticated';

/** Asks whose token it is. */
type TokenReviewer = (token: string) => Promise<UserInfo | undefined>;

/**
 * Who asks: the user whom the API server names when it passes a request on; else the one of the client certificate; else the one of
 * the bearer token. Throws 401 for nobody. Anonymous users open no streams.
 * @param now milliseconds since the epoch
 */
export async function callerOf(
  request: IncomingMessage,
  trust: Trust,
  { reviewToken, now }: { readonly reviewToken: TokenReviewer; readonly now: number },
): Promise<UserInfo> {
  const certificate = verifiedCertificate(request, now);
  const { frontProxy } = trust;
  if (certificate !== undefined && frontProxy !== undefined && isFrontProxy(certificate, frontProxy)) {
    const user = userInHeaders(request, frontProxy);
    if (user !== undefined) return user;
  }
  // Whose rights count would not be clear: the API server decides whom a user may act as.
  if (request.headers['impersonate-user'] !== undefined) {
    throw new Refusal(400, 'BadRequest', 'to act as another user, send the request to the API server');
  }
  // A browser sends its certificate for any page that opens a WebSocket, but a token only for the page that has it.
  const isBrowser = request.headers.origin !== undefined;
  if (certificate !== undefined && !isBrowser && isIssuedBy(certificate, trust.clientCas)) {
    return userOfCertificate(certificate);
  }
  const token = tokenIn(request);
  const user = token === undefined ? undefined : await reviewToken(token);
  if (user === undefined) throw new Refusal(401, 'Unauthorized', 'Unauthorized');
  return user;
}

/** The bearer token in the header, or in a WebSocket's subprotocol, as browsers send it. */
function tokenIn(request: IncomingMessage): string | undefined {
  const sent = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
  return sent ?? subprotocolToken(request) ?? undefined;
}

/** The caller's certificate, if one of the authorities issued it and it is valid now. */
function verifiedCertificate({ socket }: IncomingMessage, now: number): DetailedPeerCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate(true);
  // A connection may last longer than its certificate.
  return Date.parse(certificate.valid_to) > now ? certificate : undefined;
}

/** TLS has checked the chain against all authorities together; this finds out to which of them it leads. */
function isIssuedBy(certificate: DetailedPeerCertificate, authorities: readonly Buffer[]): boolean {
  for (let at = certificate; ; at = at.issuerCertificate) {
    if (authorities.some((authority) => authority.equals(at.raw))) return true;
    if (at.issuerCertificate === undefined || at.issuerCertificate === at) return false;
  }
}

function isFrontProxy(certificate: DetailedPeerCertificate, { cas, names }: FrontProxy): boolean {
  const name = [certificate.subject.CN ?? []].flat()[0];
  return isIssuedBy(certificate, cas) && (names.length === 0 || (name !== undefined && names.includes(name)));
}

function userInHeaders(
  request: IncomingMessage,
  { usernameHeaders, uidHeaders, groupHeaders, extraPrefixes }: FrontProxy,
): UserInfo | undefined {
  const { headersDistinct } = request;
  const all = (names: readonly string[]) => names.flatMap((name) => own(headersDistinct, name) ?? []);
  const username = all(usernameHeaders).find((name) => name !== '');
  if (username === undefined) return undefined;
  const [uid] = all(uidHeaders);
  const extra = Object.entries(headersDistinct).flatMap(([header, values = []]) => {
    const prefix = extraPrefixes.find((front) => header.startsWith(front));
    return prefix === undefined ? [] : [[unescaped(header.slice(prefix.length)), values] as const];
  });
  return {
    username,
    groups: all(groupHeaders),
    ...(uid === undefined ? {} : { uid }),
    extra: Object.fromEntries(extra),
  };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function userOfCertificate({ subject }: DetailedPeerCertificate): UserInfo {
  const [username] = [subject.CN ?? []].flat();
  if (username === undefined) throw new Refusal(401, 'Unauthorized', 'Unauthorized');
  return { username, groups: [...new Set([...[subject.O ?? []].flat(), AUTHENTICATED])] };
}
