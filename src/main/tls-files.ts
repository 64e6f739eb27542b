import { X509Certificate } from 'node:crypto';
import type { Logger } from 'pino';
import { followFiles, readTexts } from './followed-files.ts';
import { belongTogether } from './pki.ts';

/** PEMs of a server, or the files in which they are: its certificate and key, and the authority of its clients' certificates. */
export type ServerTls = Readonly<Record<'cert' | 'key' | 'clientCa', string>>;

/** A server that takes other certificates while it runs. */
interface TlsServer {
  renewTls(tls: ServerTls): Promise<void> | void;
  close(): Promise<void>;
}

/** Starts a server with the certificates in these files, and gives it those by which they are replaced later. */
export async function serveWithTlsFiles(
  paths: ServerTls,
  start: (tls: ServerTls) => Promise<TlsServer>,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  const tls = await readTexts(paths);
  const server = await start(tls);
  const use = async (renewed: ServerTls) => {
    requireUsableTls(renewed.cert, renewed.key, renewed.clientCa);
    await server.renewTls(renewed);
  };
  const follower = followFiles({ paths, use, log }, tls);
  return {
    close: async () => {
      await follower.close();
      await server.close();
    },
  };
}

/** Throws when these PEMs cannot be used, as while their files are being replaced. */
export function requireUsableTls(cert: string, key: string, authority: string): void {
  if (!belongTogether(key, cert)) {
    throw new Error('the key is not the key of the certificate, or one of them is damaged');
  }
  try {
    new X509Certificate(authority);
  } catch (error) {
    throw new Error("the authority's certificate is damaged", { cause: error });
  }
}
