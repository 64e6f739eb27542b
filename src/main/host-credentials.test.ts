import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import type { KubeObject } from '../base/object.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { requestIdentity } from './enrolment/client.ts';
import { createHostCredentials, type HostCredentials } from './host-credentials.ts';

const SECRET = { namespace: 'coppice-system', name: 'coppice-hosts' };
const NEVER = new AbortController().signal;
const log = pino({ level: 'silent' });

/** An API server with one Secret and one Host, that takes every token for that of host-a. */
function kubernetes(): Pick<KubeClient, 'find' | 'get' | 'create' | 'patch'> & { deleteSecret(): void } {
  const objects = new Map<string, KubeObject>();
  const find = async ({ kind }: { kind: string }) => objects.get(kind);
  return {
    find: find as KubeClient['find'],
    get: find as KubeClient['get'],
    patch: find as KubeClient['patch'],
    create: (async ({ kind }: { kind: string }, object: KubeObject) => {
      const user = { username: `system:serviceaccount:${SECRET.namespace}:coppice-host-host-a` };
      const status = { authenticated: true, audiences: ['coppice-operator'], user };
      if (kind === 'TokenReview') return { ...object, status };
      objects.set(kind, { ...object, metadata: { ...object.metadata, uid: 'one' } });
      return objects.get(kind);
    }) as KubeClient['create'],
    deleteSecret: () => void objects.delete('Secret'),
  };
}

describe('the operator’s certificate for hosts', () => {
  let api: ReturnType<typeof kubernetes>;
  let credentials: HostCredentials;
  let server: string;

  beforeEach(async () => {
    const port = await freePort();
    server = `https://127.0.0.1:${port}`;
    api = kubernetes();
    credentials = createHostCredentials({
      hostTls: { secret: SECRET },
      enrolment: { listen: { host: '127.0.0.1', port }, daemonSetAccount: 'coppice-host' },
      client: api,
      clock: systemClock,
      log,
    });
  });
  afterEach(() => credentials.close());

  const join = (ca: string) =>
    requestIdentity({ server, ca, address: 'https://10.0.0.5:7444', proof: { token: 'token' } });

  it('is signed by the authority that signs for hosts that join', async () => {
    const { ca } = await credentials.obtain(NEVER);
    expect((await credentials.obtain(NEVER)).ca).toBe(ca);
    expect((await join(ca)).clientCa).toBe(ca);
  });

  it('is signed by the new authority, like new hosts’, when the Secret was deleted', async () => {
    const { ca: old } = await credentials.obtain(NEVER);
    api.deleteSecret();
    const { ca } = await credentials.obtain(NEVER);
    expect(ca).not.toBe(old);
    expect((await join(ca)).clientCa).toBe(ca);
    await expect(join(old)).rejects.toThrow('is signed by the authority that this host trusts');
  });

  it('is the given one, and then no host can join', async () => {
    const hostTls = { ca: 'ca', cert: 'cert', key: 'key' };
    const given = createHostCredentials({ hostTls, client: api, clock: systemClock, log });
    expect(await given.obtain(NEVER)).toBe(hostTls);
    await given.close();
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
