import { createSecureContext, type SecureContext } from 'node:tls';
import { buildConnector } from 'undici';

/** PEMs: the authority of the daemons, and the caller's own certificate and key. */
export type Credentials = { readonly ca: string; readonly cert: string; readonly key: string };

let latest: { readonly credentials: Credentials; readonly context: SecureContext } | undefined;

/**
 * One for all connections with the same credentials: each context takes 80 KiB and the parsing of three PEMs, and an operator has
 * several connections to each of a thousand hosts, with one certificate of its own.
 */
function contextOf({ ca, cert, key }: Credentials): SecureContext {
  const known = latest?.credentials;
  if (latest === undefined || known?.ca !== ca || known.cert !== cert || known.key !== key) {
    latest = { credentials: { ca, cert, key }, context: createSecureContext({ ca, cert, key }) };
  }
  return latest.context;
}

/** Connects to a daemon whose certificate carries `servername`. Credentials of no use fail the calls, as a daemon that is away does. */
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
