import { createSecureContext, type SecureContext } from 'node:tls';
import { buildConnector } from '../base/http.ts';

/** PEMs: the authority of the daemons, and the caller's own certificate and key. */
export type Credentials = { readonly ca: string; readonly cert: string; readonly key: string };

let latest: { readonly credentials: Credentials; readonly context: SecureContext } | undefined;

/**
 * One TLS context for all connections with the same credentials. A context takes 80 KiB and the parsing of three PEMs, and an
 * operator has several connections to each of up to a thousand hosts, all with the same certificate.
 */
function contextOf({ ca, cert, key }: Credentials): SecureContext {
  const known = latest?.credentials;
  if (latest === undefined || known?.ca !== ca || known.cert !== cert || known.key !== key) {
    latest = { credentials: { ca, cert, key }, context: createSecureContext({ ca, cert, key }) };
  }
  return latest.context;
}

/** Connects to a daemon whose certificate contains `servername`. With invalid credentials, calls fail as if the daemon were unreachable. */
export function createConnector(credentials: Credentials, servername: string): buildConnector.connector {
  let connect: buildConnector.connector | undefined;
  return (options, callback) => {
    try {
      connect ??= buildConnector({ secureContext: contextOf(credentials), servername });
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), null);
      return;
    }
    connect(options, callback);
  };
}
