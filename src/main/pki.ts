import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileIfThere, writeFileAtomically } from './atomic-files.ts';
import type { CertificateRequest, KeyPair } from './certificates.ts';
import { createCa, issueCertificate } from './certificates-on-demand.ts';

export interface StoredKeyPair extends KeyPair {
  readonly keyPath: string;
  readonly certPath: string;
}

export interface Pki<Name extends string> {
  readonly ca: StoredKeyPair;
  readonly certificates: Readonly<Record<Name, StoredKeyPair>>;
}

export interface PkiRequest<Name extends string> {
  readonly caCommonName: string;
  /** By name, which is also the name of the files: `NAME.key` and `NAME.crt`. */
  readonly certificates: Readonly<Record<Name, Omit<CertificateRequest, 'now' | 'days'>>>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const caDays = 3650;
const certificateDays = 365;
const dayMs = 86_400_000;

/**
 * Makes sure that the folder contains an authority and the requested certificates, and returns them. Valid ones are kept. A
 * certificate is replaced when it does not match the request, or when a third of its life is left. The authority, too, gets a
 * new certificate then, but for its old key, so that everything that it has signed stays valid. Only the owner can read the keys.
 */
export async function ensurePki<Name extends string>(
  dir: string,
  request: PkiRequest<Name>,
): Promise<Pki<Name>> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const ca = await ensureCa(dir, request);
  const certificates: Partial<Record<Name, StoredKeyPair>> = {};
  for (const name of namesOf(request.certificates)) {
    certificates[name] = await ensureCertificate(dir, name, ca, {
      ...request.certificates[name],
      now: request.now,
    });
  }
  return { ca, certificates: certificates as Record<Name, StoredKeyPair> };
}

async function ensureCa(dir: string, { caCommonName, now }: PkiRequest<string>): Promise<StoredKeyPair> {
  const found = await load(dir, 'ca');
  if (found?.cert !== undefined && belongTogether(found.key, found.cert) && !isOld(found.cert, now)) {
    return { ...found, cert: found.cert };
  }
  try {
    const ca = await createCa({ commonName: caCommonName, days: caDays, now }, found?.key);
    return await save(dir, 'ca', ca);
  } catch (error) {
    // Never replaced silently: everything that trusts this authority would have to be changed.
    const { keyPath } = pathsOf(dir, 'ca');
    throw new Error(
      `the authority in ${keyPath} cannot be used: restore it, or remove the folder, and a new one is created`,
      {
        cause: error,
      },
    );
  }
}

async function ensureCertificate(
  dir: string,
  name: string,
  ca: KeyPair,
  request: Omit<CertificateRequest, 'days'>,
): Promise<StoredKeyPair> {
  const found = await load(dir, name);
  if (found?.cert !== undefined && isGood(found.key, found.cert, ca, request)) {
    return { ...found, cert: found.cert };
  }
  return await save(dir, name, await issueCertificate(ca, { ...request, days: certificateDays }));
}

function isGood(key: string, cert: string, ca: KeyPair, request: Omit<CertificateRequest, 'days'>): boolean {
  return (
    belongTogether(key, cert) &&
    new X509Certificate(cert).verify(new X509Certificate(ca.cert).publicKey) &&
    !isOld(cert, request.now) &&
    fits(new X509Certificate(cert), request)
  );
}

function fits(certificate: X509Certificate, request: Omit<CertificateRequest, 'days'>): boolean {
  const { commonName, organizations = [], ips = [], dnsNames = [], usage } = request;
  const subject = [...organizations.map((organization) => `O=${organization}`), `CN=${commonName}`].join(
    '\n',
  );
  const usages = { server: 1, client: 1, both: 2 };
  return (
    certificate.subject === subject &&
    certificate.keyUsage.length === usages[usage] &&
    ips.every((ip) => certificate.checkIP(ip) !== undefined) &&
    dnsNames.every((dnsName) => certificate.checkHost(dnsName) !== undefined)
  );
}

/** Whether the certificate is for this key; false also when one of them is damaged. */
export function belongTogether(key: string, cert: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function isOld(cert: string, now: number): boolean {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const life = validToDate.getTime() - validFromDate.getTime();
  return validToDate.getTime() - now < Math.max(life / 3, dayMs);
}

async function load(
  dir: string,
  name: string,
): Promise<(Omit<StoredKeyPair, 'cert'> & { readonly cert: string | undefined }) | undefined> {
  const paths = pathsOf(dir, name);
  const [key, cert] = await Promise.all([readFileIfThere(paths.keyPath), readFileIfThere(paths.certPath)]);
  return key === undefined ? undefined : { key, cert, ...paths };
}

async function save(dir: string, name: string, pair: KeyPair): Promise<StoredKeyPair> {
  const paths = pathsOf(dir, name);
  // The key first: if the process is killed in between, the next start finds a certificate that does not match and replaces it.
  // The authority's key, which others trust, is never lost.
  await writeFileAtomically(paths.keyPath, pair.key, 0o600);
  await writeFileAtomically(paths.certPath, pair.cert, 0o644);
  return { ...pair, ...paths };
}

function pathsOf(dir: string, name: string) {
  return { keyPath: join(dir, `${name}.key`), certPath: join(dir, `${name}.crt`) };
}

function namesOf<Name extends string>(record: Readonly<Record<Name, unknown>>): Name[] {
  return Object.keys(record) as Name[];
}
