import { randomBytes } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import { SUBRESOURCES_GROUP, SUBRESOURCES_ROOT, subresourcePath } from '../../../src/api/subresources.ts';
import type { KubeObject } from '../../../src/base/object.ts';
import { openStream } from '../../../src/host/stream-client.ts';
import { type StreamsServer, servingAt, streamsServer } from '../../kubernetes/streams.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

/** Who may do what: by these verbs, on these subresources. */
const USERS = {
  reader: { log: ['get'] },
  // Who may read everything may still not type at a console.
  auditor: { log: ['get'], console: ['get'], exec: ['get'] },
  owner: { log: ['get'], console: ['get', 'create'], exec: ['get', 'create'] },
  stranger: {},
} as const;

type User = keyof typeof USERS;

const tokenOf = (user: string) => `token-of-${user}`;
const TOKENS = Object.keys(USERS)
  .map((user) => `${tokenOf(user)},${user},uid-${user}`)
  .join('\n');

interface Ask {
  readonly token?: string;
  readonly tls?: Pick<RequestOptions, 'cert' | 'key'>;
  readonly headers?: OutgoingHttpHeaders;
  readonly webSocket?: boolean;
}

const WEB_SOCKET = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': Buffer.alloc(16).toString('base64'),
  'sec-websocket-version': '13',
  'sec-websocket-protocol': 'v5.channel.k8s.io',
};

describe('streams with a user’s own rights', () => {
  let streams: StreamsServer;
  let world: World;
  let appliance: string;
  const administrator: RequestOptions = {};

  beforeAll(async () => {
    streams = await streamsServer();
    world = await World.start({ tokens: TOKENS, streams });
    await world.api.kubeConfig.applyToHTTPSOptions(administrator);
    await world.addHost('host-a');
    await world.addTemplate('debian');
    await serve();
    await world.deploy('site');
    await eventually('the site answers', async () => {
      expect((await world.appliances())[0]?.status?.serviceState).toBe('ServiceAvailable');
    });
    appliance = (await world.appliances())[0]?.metadata.name ?? '';
    for (const [user, rights] of Object.entries(USERS)) await grant(user, rights);
    await eventually('the group is served', async () => {
      expect((await through(SUBRESOURCES_ROOT, { token: tokenOf('reader') })).status).toBe(200);
    });
  });
  afterAll(() => world?.stop());

  const serve = () => world.startOperator({ streams: servingAt(streams) });
  const grant = async (user: string, rights: object) => {
    const group = 'rbac.authorization.k8s.io';
    const ref = (plural: string, kind: string) => ({ group, version: 'v1', plural, kind, namespaced: true });
    const metadata = { namespace: 'default', name: `${user}-streams` };
    const rules = Object.entries(rights).map(([name, verbs]) => ({
      ...{ apiGroups: [SUBRESOURCES_GROUP], resources: [`virtualappliances/${name}`], verbs },
    }));
    const role = { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules };
    const roleRef = { apiGroup: group, kind: 'Role', name: metadata.name };
    const subjects = [{ apiGroup: group, kind: 'User', name: user }];
    const binding = { apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects };
    await world.kube.create(ref('roles', 'Role'), role as KubeObject);
    await world.kube.create(ref('rolebindings', 'RoleBinding'), binding as KubeObject);
  };
  const ask = async (server: string, ca: RequestOptions['ca'], path: string, how: Ask) => {
    const { token, tls, headers, webSocket } = how;
    const all = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(webSocket === true ? WEB_SOCKET : {}),
      ...headers,
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asking = request(new URL(path, server), { ca, ...tls, agent: false, headers: all }, resolve);
      asking.once('upgrade', (head, socket) => {
        socket.destroy();
        resolve(head);
      });
      asking.once('error', reject).end();
    });
    const body = answer.statusCode === 101 ? '' : await text(answer);
    const protocol = answer.headers['sec-websocket-protocol'];
    return { status: answer.statusCode ?? 0, body, message: messageIn(body), protocol };
  };
  /** By the API server, as users do. */
  const through = (path: string, how: Ask) => ask(server(through), administrator.ca, path, how);
  /** To the operator itself. */
  const direct = (path: string, how: Ask) => ask(server(direct), streams.pki.ca.cert, path, how);
  const server = (way: typeof direct) =>
    way === direct
      ? `https://127.0.0.1:${streams.port}`
      : (world.api.kubeConfig.getCurrentCluster()?.server ?? '');
  const log = (name = appliance, namespace = 'default') => subresourcePath(namespace, name, 'log');
  const as = (user: User) => ({ token: tokenOf(user) });

  describe.each([
    ['through the API server', () => through],
    ['to the operator itself', () => direct],
  ])('%s', (_, way) => {
    it.each(['reader', 'auditor', 'owner'] as const)('%s reads the log', async (user) => {
      const { status, body } = await way()(`${log()}?bytes=1000`, as(user));
      expect([status, body]).toEqual([200, expect.stringContaining('simulated')]);
    });

    it.each(['console', 'exec'] as const)('%s is for those who may create, and nobody else', async (name) => {
      const path = `${subresourcePath('default', appliance, name)}${name === 'exec' ? '?command=id' : ''}`;
      for (const user of ['reader', 'auditor', 'stranger'] as const) {
        const { status, message } = await way()(path, { ...as(user), webSocket: true });
        expect([user, status]).toEqual([user, 403]);
        expect(message).toContain(`User "${user}" cannot`);
        expect(message).toContain(`"virtualappliances/${name}" in API group "${SUBRESOURCES_GROUP}"`);
      }
      const { status, message } = await way()(path, { ...as('owner'), webSocket: true });
      if (name === 'exec') expect(status).toBe(101);
      // The simulated driver has none, and the daemon says so: the request arrived there.
      else expect([status, message]).toEqual([409, expect.stringContaining('host host-a: ')]);
    });

    it('exec passes megabytes in and out, to the last byte and the status', async () => {
      const program = await openStream({
        url: new URL(
          `${subresourcePath('default', appliance, 'exec')}?command=cat&stdin=true`,
          server(way()),
        ),
        tls: { ca: way() === direct ? streams.pki.ca.cert : administrator.ca },
        headers: { authorization: `Bearer ${tokenOf('owner')}` },
      });
      const sent = randomBytes(3_000_000);
      program.stderr.resume();
      program.stdin.end(sent);
      const received = await buffer(program.stdout);
      expect(received.equals(sent)).toBe(true);
      expect(await program.ended).toEqual({ metadata: {}, status: 'Success' });
    });

    it('takes as many words as a daemon does', async () => {
      const path = `${subresourcePath('default', appliance, 'exec')}?command=echo&command=${'%20'.repeat(60_000)}`;
      expect((await way()(path, { ...as('owner'), webSocket: true })).status).toBe(101);
    });

    it('takes a token as browsers send it, and answers with the other subprotocol', async () => {
      const token = Buffer.from(tokenOf('owner')).toString('base64url');
      const protocols = `base64url.bearer.authorization.k8s.io.${token}, v5.channel.k8s.io`;
      const headers = { 'sec-websocket-protocol': protocols, origin: 'https://dashboard.example' };
      const path = `${subresourcePath('default', appliance, 'exec')}?command=cat`;
      const { status, protocol } = await way()(path, { webSocket: true, headers });
      expect([status, protocol]).toEqual([101, 'v5.channel.k8s.io']);
    });

    it('says what is missing only to those who may know', async () => {
      expect((await way()(log('none'), as('stranger'))).status).toBe(403);
      const unknown = await way()(log('none'), as('reader'));
      expect([unknown.status, unknown.message]).toEqual([
        404,
        'virtualappliances.coppice.dev "none" not found',
      ]);
      expect((await way()(log(appliance, 'kube-system'), as('owner'))).status).toBe(403);
    });

    it('refuses who is nobody, what is no stream, and options that there are not', async () => {
      expect((await way()(log(), { token: 'invented' })).status).toBe(401);
      expect([401, 403]).toContain((await way()(log(), {})).status);
      const bad = await way()(`${log()}?tail=3`, as('reader'));
      expect([bad.status, bad.message]).toEqual([400, expect.stringContaining("no option 'tail'")]);
      const plain = await way()(subresourcePath('default', appliance, 'console'), as('owner'));
      expect([plain.status, plain.message]).toEqual([400, expect.stringContaining('is a WebSocket')]);
    });

    it('believes nobody who names a user in headers', async () => {
      const headers = { 'x-remote-user': 'owner', 'x-remote-group': 'system:masters' };
      const { status } = await way()(log(), { ...as('stranger'), headers });
      expect(status).toBe(403);
    });
  });

  it('a user whom an administrator acts as has that user’s rights', async () => {
    const { cert, key } = administrator;
    const tls = { cert, key };
    const acting = (user: User) => ({ tls, headers: { 'impersonate-user': user } });
    expect((await through(log(), acting('reader'))).status).toBe(200);
    expect((await through(log(), acting('stranger'))).status).toBe(403);
    // The operator takes the administrator's certificate itself, too, but neither from pages in a browser nor to act as others.
    expect((await direct(log(), { tls })).status).toBe(200);
    expect((await direct(log(), { tls, headers: { origin: 'https://page.example' } })).status).toBe(401);
    expect((await direct(log(), acting('reader'))).status).toBe(400);
  });

  it('no certificate but the front proxy’s may name users, and none of a host is a user’s', async () => {
    const headers = { 'x-remote-user': 'owner' };
    const { server } = streams.pki.certificates;
    expect((await direct(log(), { tls: server, headers })).status).toBe(401);
    const { cert, key } = await world.daemons.tlsOf('host-a');
    expect((await direct(log(), { tls: { cert, key }, headers })).status).toBe(401);
  });

  it('says which appliance is not placed, and which host is away', async () => {
    await world.kube.create(VIRTUAL_APPLIANCES, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'VirtualAppliance',
      metadata: { namespace: 'default', name: 'large' },
      spec: {
        template: { name: 'debian' },
        service: { name: 'web' },
        resources: { cpu: '999', memory: '64Mi' },
      },
    } as never);
    const large = await through(log('large'), as('reader'));
    expect([large.status, large.message]).toEqual([
      409,
      expect.stringContaining('is not placed on a host yet'),
    ]);
    await world.daemons.stop('host-a');
    const away = await through(log(), as('reader'));
    expect([away.status, away.message]).toEqual([
      503,
      expect.stringContaining('host host-a cannot be reached'),
    ]);
  });

  it('says that the operator is down, and uses it again when it is back', async () => {
    await world.stopOperator();
    expect((await through(log(), as('reader'))).status).toBe(503);
    await serve();
    await eventually('it answers again', async () => {
      const { message } = await through(log(), as('reader'));
      expect(message).toContain('host host-a cannot be reached');
    });
  });
});

function messageIn(body: string): string {
  try {
    return String((JSON.parse(body) as { message?: string }).message);
  } catch {
    return body;
  }
}
