import { describe, expect, it } from 'vitest';
import { HostApiError } from '../../src/host/client.ts';
import { StalledError, TransientError } from '../../src/kube/controller/errors.ts';
import { obstacleOf } from '../obstacles/obstacle.ts';
import { callDaemon } from './daemon-errors.ts';
import { linkProblem, NameMismatchError } from './link-problem.ts';

function coded(code: string): HostApiError {
  const cause = Object.assign(new Error(code), { code });
  return new HostApiError(0, { reason: 'HostUnreachable', message: `cannot be reached: ${code}` }, cause);
}

describe('what is wrong with a link', () => {
  it.each([
    ['the certificate of another host', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'CertificateMismatch'],
    ['a certificate of an unknown authority', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'CertificateInvalid'],
    ['nothing listens at the address', coded('ECONNREFUSED'), 'HostUnreachable'],
    [
      'a daemon that refuses the operator',
      new HostApiError(403, { reason: 'NotAuthorized', message: 'no' }),
      'NotAuthorized',
    ],
    ['another host', new NameMismatchError('host-a', 'host-b'), 'NameMismatch'],
    ['anything else', new Error('odd'), 'HostUnreachable'],
  ])('is named: %s', (_name, error, reason) => {
    expect(linkProblem('host-a', error).reason).toBe(reason);
  });

  it('names the host that the certificate must be for', () => {
    expect(linkProblem('host-a', coded('ERR_TLS_CERT_ALTNAME_INVALID')).message).toContain(
      'host-a.host.coppice',
    );
  });
});

describe("a daemon's refusal", () => {
  const refused = (status: number, reason: string) =>
    callDaemon(
      Promise.reject(new HostApiError(status, { reason, message: `because ${reason}`, field: '/layer' })),
    );

  it('stays until a person acts when the request is at fault', async () => {
    await expect(refused(400, 'InvalidRequest')).rejects.toThrow(StalledError);
    await expect(refused(409, 'Immutable')).rejects.toMatchObject({
      reason: 'Immutable',
      message: expect.stringContaining('/layer'),
    });
  });

  it.each([
    [0, 'HostUnreachable', undefined],
    [409, 'OlderGeneration', undefined],
    [409, 'Deleting', undefined],
    [507, 'DiskFull', 'DiskFull'],
  ])('passes by itself for %i %s', async (status, reason, shown) => {
    const error: unknown = await refused(status, reason).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TransientError);
    expect(obstacleOf(error)?.reason).toBe(shown);
  });

  it('does not include other errors', async () => {
    await expect(callDaemon(Promise.reject(new TypeError('a bug')))).rejects.toThrow(TypeError);
  });
});
