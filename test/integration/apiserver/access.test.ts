import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredKeyPair } from '../../../src/main/pki.ts';
import { BOB_TOKEN, CONFIG_MAPS, newWorld, testPki, WIDGETS, type World } from './world.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

let world: World;

beforeAll(async () => {
  world = await newWorld();
  await world.api.post(`${RBAC}/clusterroles`, {
    metadata: { name: 'devs' },
    rules: [{ apiGroups: ['example.com'], resources: ['widgets'], verbs: ['get'] }],
  });
  await world.api.post(`${RBAC}/clusterrolebindings`, {
    metadata: { name: 'devs' },
    subjects: [{ kind: 'Group', name: 'devs' }],
    roleRef: { kind: 'ClusterRole', name: 'devs' },
  });
});

afterAll(() => world.end());

async function statusWith(pair: StoredKeyPair, path: string): Promise<number | undefined> {
  const agent = new Agent({ ca: world.pki.ca.cert, cert: pair.cert, key: pair.key });
  const sent = request(`${world.url}${path}`, { agent });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  agent.destroy();
  return response.statusCode;
}

describe('authentication', () => {
  it.each(['/api', '/apis', '/openapi/v3', CONFIG_MAPS, '/nonsense'])(
    'refuses %s without credentials',
    async (path) => {
      const { status, body } = await world.api.get(path, { token: '' });
      expect([status, body.reason]).toEqual([401, 'Unauthorized']);
    },
  );

  it.each(['/healthz', '/livez', '/readyz', '/version'])('lets anyone ask for %s', async (path) => {
    expect((await world.api.get(path, { token: '' })).status).toBe(200);
  });

  it('refuses tokens and schemes it does not know', async () => {
    expect((await world.api.get(CONFIG_MAPS, { token: 'guess' })).status).toBe(401);
    const basic = await world.api.get(CONFIG_MAPS, {
      token: '',
      headers: { Authorization: 'Basic cm9vdDpyb290' },
    });
    expect(basic.status).toBe(401);
  });

  it('knows users by certificates of its own authority only', async () => {
    expect(await statusWith(world.pki.certificates.admin, CONFIG_MAPS)).toBe(200);
    expect(await statusWith(world.pki.certificates.carol, CONFIG_MAPS)).toBe(403);
    const stranger = await testPki(`${world.dir}/other`);
    expect(await readFile(stranger.ca.certPath, 'utf8')).not.toBe(world.pki.ca.cert);
    expect(await statusWith(stranger.certificates.admin, CONFIG_MAPS)).toBe(401);
  });
});

describe('authorization', () => {
  it('says who may not do what, where', async () => {
    const { status, body } = await world.api.get(WIDGETS, { token: BOB_TOKEN });
    expect([status, body.reason]).toEqual([403, 'Forbidden']);
    expect(body.message).toBe(
      'widgets.example.com is forbidden: User "bob" cannot list resource "widgets" in API group "example.com" in the namespace "default"',
    );
    expect(body.details).toEqual({ group: 'example.com', kind: 'widgets' });
    expect((await world.api.get(`${WIDGETS}/a`, { token: BOB_TOKEN })).status).toBe(404);
    expect((await world.api.get('/apis', { token: BOB_TOKEN })).status).toBe(200);
  });

  it('lets only those impersonate who may', async () => {
    const headers = { 'Impersonate-User': 'carol', 'Impersonate-Group': 'devs' };
    expect((await world.api.get(WIDGETS, { headers })).status).toBe(403);
    expect((await world.api.get(`${WIDGETS}/a`, { headers })).status).toBe(404);
    const bob = await world.api.get(`${WIDGETS}/a`, {
      token: BOB_TOKEN,
      headers: { 'Impersonate-User': 'root' },
    });
    expect(bob.body.message).toContain('User "bob" cannot impersonate resource "users"');
  });

  it('answers reviews by the same rule', async () => {
    const review = (verb: string) => ({
      spec: {
        user: 'bob',
        groups: ['devs'],
        resourceAttributes: { verb, group: 'example.com', resource: 'widgets' },
      },
    });
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const answers = await Promise.all(['get', 'delete'].map((verb) => world.api.post(path, review(verb))));
    expect(answers.map(({ body }) => body.status.allowed)).toEqual([true, false]);
    const token = await world.api.post('/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: { token: BOB_TOKEN },
    });
    expect(token.body.status.user).toEqual({ username: 'bob', groups: ['devs', 'system:authenticated'] });
  });
});
