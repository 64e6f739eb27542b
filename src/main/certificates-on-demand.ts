import type { CaRequest, CertificateRequest, KeyPair } from './certificates.ts';

/** The library that makes certificates is 220 modules and 12 MiB in memory, and most starts find theirs on disk. */
const load = () => import('./certificates.ts');

/** As `createCa` of certificates.ts. */
export async function createCa(request: CaRequest, key?: string): Promise<KeyPair> {
  return await (await load()).createCa(request, key);
}

/** As `issueCertificate` of certificates.ts. */
export async function issueCertificate(ca: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  return await (await load()).issueCertificate(ca, request);
}

/** As `requestCertificate` of certificates.ts. */
export async function requestCertificate(
  commonName: string,
): Promise<{ readonly key: string; readonly csr: string }> {
  return await (await load()).requestCertificate(commonName);
}

/** As `signRequest` of certificates.ts. */
export async function signRequest(ca: KeyPair, csr: string, request: CertificateRequest): Promise<string> {
  return await (await load()).signRequest(ca, csr, request);
}
