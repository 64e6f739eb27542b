import { HostApiError } from '../../src/host/client.ts';
import { hostServerName, type Problem } from '../../src/host/protocol.ts';
import { hostObstacles } from '../obstacles/hosts.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';

/** The daemon at the address belongs to another host. */
export class NameMismatchError extends Error {
  override readonly name = 'NameMismatchError';
  readonly wanted: string;
  readonly actual: string;

  constructor(wanted: string, actual: string) {
    super(hostObstacles.nameMismatch(wanted, actual).message);
    this.wanted = wanted;
    this.actual = actual;
  }
}

/** TLS errors that mean that one side does not trust the other; see `node:tls`, X509 certificate error codes. */
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
  const { reason, message } = linkObstacle(hostName, error);
  return { reason, message };
}

function linkObstacle(hostName: string, error: unknown): Obstacle {
  if (error instanceof NameMismatchError) return hostObstacles.nameMismatch(error.wanted, error.actual);
  const codes = codesOf(error);
  if (codes.includes('ERR_TLS_CERT_ALTNAME_INVALID'))
    return hostObstacles.certificateMismatch(hostServerName(hostName));
  const distrust = codes.find((code) => DISTRUST.has(code));
  if (distrust !== undefined) return hostObstacles.certificateInvalid(hostName, distrust);
  if (!(error instanceof HostApiError))
    return hostObstacles.unreachable(error instanceof Error ? error.message : String(error));
  return error.status === 0
    ? hostObstacles.notListening(error.message)
    : hostObstacles.daemonProblem(error.problem.reason, error.message);
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
