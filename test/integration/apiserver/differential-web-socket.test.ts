import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { describeOnKubernetes } from '../../kubernetes/suite.ts';
import { type Side, startSides } from './differential/sides.ts';
import { configMap } from './world.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
/** A watch of one object that ends by itself. */
const ONE_SECOND = '?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dseen';
const ORIGIN = 'https://dashboard.example.com';
const bearer = (token: string) =>
  `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;
const wrong = 'base64url.bearer.authorization.k8s.io.%%%';

interface Connecting {
  readonly path?: string;
  readonly protocols?: readonly string[];
  readonly origin?: string;
  readonly headers?: Record<string, string>;
  readonly hasCertificate?: boolean;
}

/** What a client meets: the status of the answer, else the subprotocol, the messages, and how it ends. */
interface Seen {
  readonly status?: number;
  readonly protocol?: string;
  readonly messages?: readonly unknown[];
  readonly isText?: boolean;
  readonly code?: number;
}

await describeOnKubernetes('watches over WebSocket beside kube-apiserver', (programs) => {
  let sides: readonly Side[];
  beforeAll(async () => {
    const { embedded, kube } = await startSides(programs);
    sides = [embedded, kube];
    for (const { api } of sides) {
      await api.post(CONFIG_MAPS, configMap('seen'));
      const binding = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'dora-views' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'dora' }],
      };
      await api.post('/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', binding);
    }
  });
  afterAll(async () => {
    for (const side of sides ?? []) await side.stop();
  });

  const cases: readonly [string, Connecting][] = [
    ['with a certificate', { hasCertificate: true }],
    [
      'of tables',
      { hasCertificate: true, headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } },
    ],
    ['with a subprotocol', { hasCertificate: true, protocols: ['binary.k8s.io'] }],
    ['with another subprotocol', { hasCertificate: true, protocols: ['base64.binary.k8s.io'] }],
    ['with two subprotocols', { hasCertificate: true, protocols: ['a.example.com', 'b.example.com'] }],
    ['with a token as subprotocol', { protocols: [bearer('token-of-dora'), 'base64.binary.k8s.io'] }],
    ['with a token and no other subprotocol', { protocols: [bearer('token-of-dora')] }],
    ['with a token and two others', { protocols: [bearer('token-of-dora'), 'a.io', 'b.io'] }],
    ['with two tokens', { protocols: [bearer('token-of-dora'), bearer('token-of-eve'), 'a.io'] }],
    ['with a token in the header', { headers: { authorization: 'Bearer token-of-dora' } }],
    [
      'with a wrong token in the header',
      { headers: { authorization: 'Bearer x' }, protocols: [bearer('token-of-dora'), 'a.io'] },
    ],
    ['with an unknown token', { protocols: [bearer('nobody'), 'a.io'] }],
    ['with a token that is no base64url', { protocols: [wrong, 'a.io'] }],
    ['with the token of somebody without rights', { protocols: [bearer('token-of-eve'), 'a.io'] }],
    ['without an origin', { hasCertificate: true, origin: '' }],
    ['from the origin null', { hasCertificate: true, origin: 'null' }],
    ['of what is not served', { hasCertificate: true, path: `/api/v1/nothings${ONE_SECOND}` }],
    [
      'from a lost revision',
      { hasCertificate: true, path: `${CONFIG_MAPS}${ONE_SECOND}&resourceVersion=none` },
    ],
    ['that is no watch', { hasCertificate: true, path: `${CONFIG_MAPS}?limit=1` }],
  ];
  it.each(cases)('%s', async (_, connecting) => {
    const [ours, theirs] = await Promise.all(sides.map((side) => connect(side, connecting)));
    expect(ours).toEqual(theirs);
  });

  describe('that last', () => {
    it('tell what happens, answer pings, and end with the client', async () => {
      for (const side of sides) {
        const { socket, messages } = await open(side, `${CONFIG_MAPS}?watch=1&resourceVersion=0`);
        await side.api.merge(`${CONFIG_MAPS}/seen`, { data: { now: 'changed' } });
        await expect.poll(() => messages.map(named)).toContain('MODIFIED seen');
        socket.ping('are you there');
        const [answer] = (await once(socket, 'pong')) as [Buffer];
        expect(answer.toString()).toBe('are you there');
        socket.send('something that nobody reads');
        await side.api.merge(`${CONFIG_MAPS}/seen`, { data: { now: 'changed again' } });
        await expect.poll(() => messages.filter((one) => named(one) === 'MODIFIED seen')).toHaveLength(2);
        const closed = once(socket, 'close');
        socket.close();
        await closed;
      }
    });

    it('do not hold up a server that ends', async () => {
      const [embedded] = sides;
      if (embedded === undefined) throw new Error('it did not start');
      const { socket } = await open(embedded, `${CONFIG_MAPS}?watch=1`);
      const closed = once(socket, 'close');
      const stopped = embedded.server.stop();
      await closed;
      await Promise.race([stopped, delay(4000).then(() => Promise.reject(new Error('it does not end')))]);
    });
  });
});

async function open(side: Side, path: string): Promise<{ socket: WebSocket; messages: unknown[] }> {
  const socket = await socketTo(side, { path, hasCertificate: true });
  const messages: unknown[] = [];
  socket.on('message', (bytes: Buffer) => messages.push(JSON.parse(bytes.toString())));
  await once(socket, 'open');
  return { socket, messages };
}

async function connect(side: Side, connecting: Connecting): Promise<Seen> {
  const socket = await socketTo(side, connecting);
  const messages: unknown[] = [];
  const kinds = new Set<boolean>();
  socket.on('message', (bytes: Buffer, isBinary) => {
    messages.push(named(JSON.parse(bytes.toString())));
    kinds.add(!isBinary);
  });
  const refused = new Promise<Seen>((resolve) => {
    socket.once('unexpected-response', (request, { statusCode }) => {
      request.destroy();
      resolve({ status: statusCode ?? 0 });
    });
  });
  socket.on('error', () => undefined);
  const ended = once(socket, 'close').then(
    ([code]): Seen => ({
      protocol: socket.protocol,
      messages,
      isText: [...kinds].every(Boolean),
      code: Number(code),
    }),
  );
  return await Promise.race([refused, ended]);
}

async function socketTo(
  { server }: Side,
  {
    path = `${CONFIG_MAPS}${ONE_SECOND}`,
    protocols = [],
    origin = ORIGIN,
    headers,
    hasCertificate,
  }: Connecting,
) {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(server.kubeconfigPath);
  const tls: ClientOptions = {};
  await kubeConfig.applyToHTTPSOptions(tls as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  const { ca, cert, key } = tls;
  const url = `${kubeConfig.getCurrentCluster()?.server.replace(/^http/, 'ws')}${path}`;
  const proof = hasCertificate === true ? { cert, key } : {};
  return new WebSocket(url, [...protocols], { ca, ...proof, headers, ...(origin === '' ? {} : { origin }) });
}

function named(event: unknown): string {
  const { type, object } = event as { type: string; object: { kind?: string; metadata?: { name?: string } } };
  return `${type} ${object.metadata?.name ?? object.kind}`;
}
