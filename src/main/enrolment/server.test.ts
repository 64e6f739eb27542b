import { randomUUID, X509Certificate } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import type { KubeObject, ObjectMeta } from '../../base/object.ts';
import { hostServerName } from '../../host/protocol.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { createCa, issueCertificate, type KeyPair } from '../certificates.ts';
import { requestIdentity } from './client.ts';
import { startEnrolment } from './server.ts';

const ADDRESS = 'https://10.0.0.5:7444';
const HOST = 'host-a';

/** An API server with at most one Host, that takes every token for that of its account. */
class Kubernetes implements Pick<KubeClient, 'create' | 'find' | 'patch'> {
  host: KubeObject | undefined;

  readonly create = (async (_ref: unknown, object: KubeObject) => {
    if (object.kind === 'TokenReview') {
      const user = { username: `system:serviceaccount:coppice-system:coppice-host-${HOST}` };
      return { ...object, status: { authenticated: true, audiences: ['coppice-operator'], user } };
    }
    this.host = { ...object, metadata: { ...object.metadata, uid: randomUUID() } };
    return this.host;
  }) as KubeClient['create'];

  readonly find = (async () => this.host) as KubeClient['find'];
  readonly patch = (async () => this.host) as KubeClient['patch'];

  mark(metadata: Partial<ObjectMeta>): void {
    if (this.host !== undefined) Object.assign(this.host.metadata, metadata);
  }
}

describe('renewal of a host’s certificate', () => {
  let authority: KeyPair;
  let enrolment: Awaited<ReturnType<typeof startEnrolment>>;
  const kubernetes = new Kubernetes();

  beforeAll(async () => {
    authority = await createCa({ commonName: 'hosts', days: 1, now: Date.now() });
    enrolment = await startEnrolment({
      listen: { host: '127.0.0.1', port: 0 },
      authority,
      accounts: { namespace: 'coppice-system', daemonSet: 'coppice-host' },
      client: kubernetes,
      clock: systemClock,
      log: pino({ level: 'silent' }),
    });
  });
  afterAll(() => enrolment.close());
  beforeEach(() => {
    kubernetes.host = undefined;
  });

  const ask = (proof: { token: string } | KeyPair) =>
    requestIdentity({ server: enrolment.url, ca: authority.cert, address: ADDRESS, proof });
  const join = () => ask({ token: 'token' });

  it('succeeds for the Host whose uid is in it, any number of times', async () => {
    const first = await join();
    const uid = kubernetes.host?.metadata.uid;
    expect(new X509Certificate(first.cert).subjectAltName).toContain(`URI:urn:uuid:${uid}`);
    const third = await ask(await ask(first));
    expect(new X509Certificate(third.cert).subjectAltName).toContain(`URI:urn:uuid:${uid}`);
  });

  it('fails when the Host was deleted and another has its name', async () => {
    const first = await join();
    kubernetes.host = undefined;
    const second = await join();
    await expect(ask(first)).rejects.toThrow(
      'host host-a was deleted and added again, and this certificate is for the deleted one: join again',
    );
    expect(await ask(second)).toMatchObject({ host: HOST });
  });

  it('fails while the Host is being deleted, and so does joining', async () => {
    const first = await join();
    kubernetes.mark({ deletionTimestamp: '2030-01-01T00:00:00Z' });
    await expect(ask(first)).rejects.toThrow('host host-a was deleted: add it again');
    await expect(join()).rejects.toThrow('host host-a is being deleted and waits for its appliances');
  });

  it('fails for a certificate without a uid, as older releases made them', async () => {
    await join();
    const older = await issueCertificate(authority, {
      ...{ commonName: HOST, dnsNames: [hostServerName(HOST)], usage: 'both' },
      ...{ days: 1, now: Date.now() },
    });
    await expect(ask(older)).rejects.toThrow('the certificate of host host-a is of an older release');
  });
});
