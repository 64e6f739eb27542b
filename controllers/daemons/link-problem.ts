import { HostApiError } from '../../src/host/client.ts';
import { hostServerName, type Problem } from '../../src/host/protocol.ts';

/** The daemon at the address is that of another host. */
export class NameMismatchError extends Error {
  override readonly name = 'NameMismatchError';

  constructor(wanted: string, actual: string) {
    super(
      `the daemon at the address of ${wanted} says that it is ${actual}: correct spec.address, or the daemon's name`,
    );
  }
}

/** Errors of TLS that say that the other side, or we, cannot be trusted; see `node:tls`, X509 certificate error codes. */
export const DISTRUST = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why the stream from a host does not work, as its Ready condition says it. */
export function linkProblem(hostName: string, error: unknown): Problem {
  if (error instanceof NameMismatchError) return { reason: 'NameMismatch', message: error.message };
  const codes = codesOf(error);
  if (codes.includes('ERR_TLS_CERT_ALTNAME_INVALID')) {
    const message = `the daemon's certificate does not carry the name ${hostServerName(hostName)}: issue it for this host`;
    return { reason: 'CertificateMismatch', message };
  }
  const distrust = codes.find((code) => DISTRUST.has(code));
  if (distrust !== undefined) {
    const message = `the certificate of the daemon of ${hostName} is not trusted (${distrust}): issue it by the hosts' authority`;
    return { reason: 'CertificateInvalid', message };
  }
  if (error instanceof HostApiError && error.status === 0) {
    const message = `${error.message}; check that its daemon runs and that spec.address is right`;
    return { reason: 'HostUnreachable', message };
  }
  if (error instanceof HostApiError) return { reason: error.problem.reason, message: error.message };
  return { reason: 'HostUnreachable', message: error instanceof Error ? error.message : String(error) };
}

/** The codes of an error and of what caused it, outermost first. */
export function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (code !== undefined) codes.push(code);
  }
  return codes;
}
