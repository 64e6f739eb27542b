import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A private key (PKCS #8) and its certificate, both PEM. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export interface CaRequest {
  readonly commonName: string;
  readonly days: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface CertificateRequest {
  /** The user's name, where the certificate is a client's. */
  readonly commonName: string;
  /** The user's groups, where the certificate is a client's. */
  readonly organizations?: readonly string[];
  readonly ips?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  readonly usage: 'server' | 'client' | 'both';
  readonly days: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
/** Certificates are valid from a little before now, since the clocks of other machines may be behind. */
const skewMs = 300_000;

/** A new certificate authority, or, given `key`, a new certificate for the existing authority with that key. */
export async function createCa(request: CaRequest, key?: string): Promise<KeyPair> {
  const keys = key === undefined ? await newKeys() : await keysFrom(key);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [request.commonName] }],
    keys,
    serialNumber: serialNumber(),
    ...validity(request),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: exportKey(keys.privateKey), cert: `${certificate.toString('pem')}\n` };
}

/** A new key with a certificate signed by `ca`. */
export async function issueCertificate(ca: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const keys = await newKeys();
  return { key: exportKey(keys.privateKey), cert: await certify(ca, keys.publicKey, request) };
}

/** A new key, and a certificate signing request (PKCS #10, PEM) for another's authority. */
export async function requestCertificate(
  commonName: string,
): Promise<{ readonly key: string; readonly csr: string }> {
  const keys = await newKeys();
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: algorithm,
  });
  return { key: exportKey(keys.privateKey), csr: `${csr.toString('pem')}\n` };
}

/**
 * A certificate, PEM, for the key in another's certificate signing request. Everything else in the signing request is ignored.
 * Rejects when it is not a signing request, or does not prove that its sender has the key.
 */
export async function signRequest(ca: KeyPair, csr: string, request: CertificateRequest): Promise<string> {
  const parsed = new Pkcs10CertificateRequest(csr);
  if (!(await parsed.verify())) throw new Error('the signature of the request does not fit its key');
  const key = await webcrypto.subtle.importKey('spki', parsed.publicKey.rawData, algorithm, true, ['verify']);
  return await certify(ca, key, request);
}

async function certify(
  ca: KeyPair,
  publicKey: webcrypto.CryptoKey,
  request: CertificateRequest,
): Promise<string> {
  const authority = new X509Certificate(ca.cert);
  const signer = await keysFrom(ca.key);
  const { commonName, organizations = [] } = request;
  const subject: JsonName = [
    ...organizations.map((organization) => ({ O: [organization] })),
    { CN: [commonName] },
  ];
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: authority.subject,
    publicKey,
    signingKey: signer.privateKey,
    serialNumber: serialNumber(),
    ...validity(request),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(extendedUsages(request.usage)),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(signer.publicKey),
      ...alternativeNames(request),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

function validity({ now, days }: { readonly now: number; readonly days: number }) {
  return { notBefore: new Date(now - skewMs), notAfter: new Date(now + days * dayMs) };
}

function extendedUsages(usage: CertificateRequest['usage']): ExtendedKeyUsage[] {
  switch (usage) {
    case 'server':
      return [ExtendedKeyUsage.serverAuth];
    case 'client':
      return [ExtendedKeyUsage.clientAuth];
    case 'both':
      return [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth];
  }
}

function alternativeNames({ ips = [], dnsNames = [], uris = [] }: CertificateRequest): Extension[] {
  const names = [
    ...ips.map((value) => ({ type: 'ip', value }) as const),
    ...dnsNames.map((value) => ({ type: 'dns', value }) as const),
    ...uris.map((value) => ({ type: 'url', value }) as const),
  ];
  return names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)];
}

/** 127 random bits: positive in ASN.1, and unique under one authority. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function keysFrom(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const key = createPrivateKey(pem);
  const jwk = key.export({ format: 'jwk' });
  const { d: _, ...publicJwk } = jwk;
  return {
    privateKey: await webcrypto.subtle.importKey('jwk', jwk, algorithm, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('jwk', publicJwk, algorithm, true, ['verify']),
  };
}

function exportKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}
