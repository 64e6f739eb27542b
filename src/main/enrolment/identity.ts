import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { hostServerName } from '../../host/protocol.ts';
import type { TlsFiles } from '../../hostd/http/server.ts';
import { readFileIfThere, writeFileAtomically } from '../atomic-files.ts';
import { belongTogether } from '../pki.ts';

/** A host's key and certificate, and how to get the next one. It is stored in the daemon's state directory. */
export interface Identity extends TlsFiles {
  readonly host: string;
  /** The operator's address for joining: `https://…`. */
  readonly server: string;
  /** The daemon's own address, as registered. */
  readonly address: string;
}

function fileOf(stateDirectory: string): string {
  return join(stateDirectory, 'identity.json');
}

/** Saves it as one file, so that key and certificate always fit together. */
export async function saveIdentity(stateDirectory: string, identity: Identity): Promise<void> {
  await writeFileAtomically(fileOf(stateDirectory), `${JSON.stringify(identity, undefined, 2)}\n`, 0o600);
}

/** Undefined when there is none, or it is unusable: then the host must join again. */
export async function loadIdentity(stateDirectory: string, now: number): Promise<Identity | undefined> {
  const text = await readFileIfThere(fileOf(stateDirectory));
  if (text === undefined) return undefined;
  try {
    const identity = JSON.parse(text) as Identity;
    const certificate = new X509Certificate(identity.cert);
    const isGood =
      belongTogether(identity.key, identity.cert) &&
      certificate.checkHost(hostServerName(identity.host)) !== undefined &&
      certificate.validToDate.getTime() > now;
    return isGood ? identity : undefined;
  } catch {
    // Damaged, and so unusable.
    return undefined;
  }
}

/** When to request the next certificate, in milliseconds since the epoch: when a third of the current one's life is left. */
export function renewalTime({ cert }: Pick<Identity, 'cert'>): number {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return validToDate.getTime() - (validToDate.getTime() - validFromDate.getTime()) / 3;
}
