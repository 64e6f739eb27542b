import type { IncomingMessage } from 'node:http';

/** Begins the subprotocol by which browsers send a bearer token, since their WebSockets have no headers of their own. */
const BEARER = 'base64url.bearer.authorization.k8s.io.';

/** Whether the request wants to become a WebSocket. */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/** The subprotocols of a WebSocket but for the token. */
export function offeredProtocols(request: IncomingMessage): string[] {
  return protocolsOf(request).filter((one) => !one.startsWith(BEARER));
}

/** The bearer token in a WebSocket's subprotocols; undefined without one, null when it is not sent as it must be. */
export function subprotocolToken(request: IncomingMessage): string | null | undefined {
  if (!isWebSocket(request)) return undefined;
  const protocols = protocolsOf(request);
  const [first, ...others] = protocols.filter((one) => one.startsWith(BEARER));
  if (first === undefined) return undefined;
  const encoded = first.slice(BEARER.length);
  const bytes = Buffer.from(encoded, 'base64url');
  // One more subprotocol must be there: the answer names it, and never the token.
  const isGood =
    others.length === 0 && protocols.length > 1 && encoded !== '' && bytes.toString('base64url') === encoded;
  return isGood ? bytes.toString('utf8') : null;
}

function protocolsOf({ headers }: IncomingMessage): string[] {
  const list = headers['sec-websocket-protocol'] ?? '';
  return list.split(',').flatMap((one) => (one.trim() === '' ? [] : [one.trim()]));
}
