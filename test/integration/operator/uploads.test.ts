import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TEMPLATES } from '../../../src/api/kinds.ts';
import {
  BUILD_LOG,
  SUBRESOURCES_GROUP,
  SUBRESOURCES_ROOT,
  templatePath,
  UPLOAD,
} from '../../../src/api/subresources.ts';
import type { KubeObject } from '../../../src/base/object.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import { expectCondition } from '../../expectations/conditions.ts';
import { type StreamsServer, servingAt, streamsServer } from '../../kubernetes/streams.ts';
import { coppiceProgram } from '../../programs.ts';
import { runCli } from '../cli/run.ts';
import { eventually } from './eventually.ts';
import { World } from './world.ts';

const MIB = 1024 * 1024;
const CLI = await coppiceProgram();
const HOST = 'host-a';
const RIGHTS = {
  pusher: { resource: 'templates/upload', verbs: ['create', 'get'] },
  reader: { resource: 'templates/upload', verbs: ['get'] },
  watcher: { resource: 'templates/log', verbs: ['get'] },
} as const;
type User = keyof typeof RIGHTS;
const tokenOf = (user: User) => `token-of-${user}`;
const TOKENS = (Object.keys(RIGHTS) as User[])
  .map((user) => `${tokenOf(user)},${user},uid-${user}`)
  .join('\n');
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

describe('a file that is pushed', () => {
  let streams: StreamsServer;
  let world: World;

  beforeAll(async () => {
    streams = await streamsServer();
    world = await World.start({ tokens: TOKENS, streams });
    await world.addHost(HOST);
    await world.addHost('host-b');
    await serve();
    for (const [user, { resource, verbs }] of Object.entries(RIGHTS)) await grant(user, resource, verbs);
    await eventually('the group is served', async () => {
      expect((await ask('pusher', 'GET', SUBRESOURCES_ROOT)).status).toBe(200);
    });
  });
  afterAll(() => world?.stop());

  const serve = () => world.startOperator({ streams: servingAt(streams) });
  const grant = async (user: string, resource: string, verbs: readonly string[]) => {
    const group = 'rbac.authorization.k8s.io';
    const ref = (plural: string, kind: string) => ({ group, version: 'v1', plural, kind, namespaced: true });
    const metadata = { namespace: 'default', name: `${user}-uploads` };
    const rules = [{ apiGroups: [SUBRESOURCES_GROUP], resources: [resource], verbs }];
    const role = { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules };
    const roleRef = { apiGroup: group, kind: 'Role', name: metadata.name };
    const subjects = [{ apiGroup: group, kind: 'User', name: user }];
    const binding = { apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects };
    await world.kube.create(ref('roles', 'Role'), role as KubeObject);
    await world.kube.create(ref('rolebindings', 'RoleBinding'), binding as KubeObject);
  };

  /** As a client of one's own asks. */
  async function ask(user: User, method: string, path: string, body?: Buffer) {
    const { server } = world.api.kubeConfig.getCurrentCluster() ?? {};
    const tls: { ca?: string } = {};
    await world.api.kubeConfig.applyToHTTPSOptions(tls);
    const headers = {
      authorization: `Bearer ${tokenOf(user)}`,
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/octet-stream', 'content-length': body.length }),
    };
    return await new Promise<{ status: number; answer: Record<string, unknown> }>((resolve, reject) => {
      const url = new URL(path, server);
      const asking = request(url, { ca: tls.ca, method, agent: false, headers }, async (answer) => {
        const content = await text(answer);
        // Until it has reached the operator, kube-apiserver answers in plain text.
        const isJson = answer.headers['content-type']?.startsWith('application/json') === true;
        resolve({
          status: answer.statusCode ?? 0,
          answer: isJson ? JSON.parse(content) : { message: content },
        });
      });
      asking.once('error', reject).end(body);
    });
  }

  async function fileOf(name: string, bytes: number): Promise<{ path: string; content: Buffer }> {
    const content = Buffer.concat([aBootableDisk(name), randomBytes(bytes)]);
    const path = join(world.directory, `${name}.img`);
    await writeFile(path, content);
    return { path, content };
  }

  const push = (...args: readonly string[]) =>
    runCli(world.api.kubeconfigPath, 'template', 'push', ...args, '-n', 'default');

  /** Begins a push, and resolves when a part of the file is on a host: the host, the process, and its end. */
  async function pushUntilPart(path: string, content: Buffer) {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, KUBECONFIG: world.api.kubeconfigPath };
    const child = spawn(process.execPath, [CLI, 'template', 'push', path, '-n', 'default'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      child.once('close', async (code) => {
        const [out, err] = await output;
        resolve({ code, out, err });
      });
    });
    const host = await vi.waitFor(() => hostWithPart(content), { timeout: 100_000, interval: 5 });
    return { child, ended, host };
  }

  async function hostWithPart(content: Buffer): Promise<string> {
    for (const host of [HOST, 'host-b']) {
      const path = join(world.directory, host, 'uploads', `${sha256(content)}.default.partial`);
      const bytes = (await stat(path).catch(() => undefined))?.size ?? 0;
      if (bytes > 0) return host;
    }
    throw new Error('no host has a part of it');
  }

  const template = (name: string) => world.kube.get(TEMPLATES, { namespace: 'default', name });

  /** It is a layer on one host, which was converted from exactly this file, and nothing is left of the upload. */
  async function isReady(name: string, content: Buffer) {
    await eventually(`${name} is Ready`, async () =>
      expectCondition((await template(name)).status?.conditions, 'Ready', 'True', 'Available'),
    );
    expect((await template(name)).status?.virtualSize).toBe(String(content.length));
    await eventually('nothing is left', async () => {
      for (const host of [HOST, 'host-b']) {
        expect(await readdir(join(world.directory, host, 'uploads'))).toEqual([]);
      }
    });
  }

  it('becomes a template; a second push has nothing to send', async () => {
    const { path, content } = await fileOf('whole', 9 * MIB);
    const first = await push(path, '--series', 'pushed', '--version', '1');
    expect(first).toMatchObject({ code: 0, stdout: 'Template default/whole is Ready.\n' });
    expect(first.stderr).toMatch(/9Mi pushed in/);
    await isReady('whole', content);
    expect((await template('whole')).spec).toMatchObject({
      series: 'pushed',
      version: '1',
      source: { upload: { sha256: sha256(content), bytes: content.length } },
    });
    const second = await push(path);
    expect(second).toMatchObject({ code: 0, stdout: 'Template default/whole is Ready.\n' });
    expect(second.stderr).not.toContain('pushed in');
    const { path: other } = await fileOf('other', 100);
    const third = await push(other, '--name', 'whole');
    expect(third).toMatchObject({ code: 1, stderr: expect.stringContaining('is of something else') });
  });

  it('goes on where it was when its client was killed', async () => {
    const { path, content } = await fileOf('client', 24 * MIB);
    const { child, ended, host } = await pushUntilPart(path, content);
    child.kill('SIGKILL');
    await ended;
    await eventually('it waits for its file', async () =>
      expectCondition((await template('client')).status?.conditions, 'Ready', 'False', 'NotUploaded'),
    );
    const part = join(world.directory, host, 'uploads', `${sha256(content)}.default.partial`);
    const before = (await stat(part)).size;
    expect(before).toBeLessThan(content.length);
    const { code, stderr } = await push(path);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('pushed in') });
    const [, mib] = /^([0-9.]+)Mi pushed/m.exec(stderr) ?? [];
    expect(Number(mib)).toBeLessThanOrEqual((content.length - before) / MIB + 0.1);
    await isReady('client', content);
  });

  it('continues when the daemon, or the operator, was away', async () => {
    const { path, content } = await fileOf('daemon', 24 * MIB);
    const push1 = await pushUntilPart(path, content);
    await world.daemons.stop(push1.host);
    await world.daemons.restart(push1.host);
    expect(await push1.ended).toMatchObject({ code: 0, err: expect.stringContaining('pushed in') });
    await isReady('daemon', content);
    const next = await fileOf('operator', 24 * MIB);
    const push2 = await pushUntilPart(next.path, next.content);
    await world.stopOperator();
    await serve();
    expect(await push2.ended).toMatchObject({ code: 0 });
    await isReady('operator', next.content);
  });

  it('is refused when it is another one, is too long, or does not follow', async () => {
    const { content } = await fileOf('wrong', 1000);
    await world.kube.create(TEMPLATES, {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Template',
      metadata: { name: 'wrong', namespace: 'default' },
      spec: { source: { upload: { sha256: sha256(content), bytes: content.length } } },
    } as never);
    const path = templatePath(UPLOAD, 'default', 'wrong');
    const begun = await ask('pusher', 'GET', path);
    expect(begun).toMatchObject({ status: 200, answer: { receivedBytes: 0, complete: false } });
    const at = (offset: number, host = begun.answer.host) => `${path}?host=${host}&offset=${offset}`;
    const says = async (status: number, message: RegExp, to: string, body: Buffer) =>
      expect(await ask('pusher', 'POST', to, body)).toMatchObject({
        status,
        answer: { message: expect.stringMatching(message) },
      });
    await says(409, /begin at 0, not at 5/, at(5), content);
    await says(400, /announced with/, at(0), Buffer.concat([content, content]));
    await says(422, /has the sha256 .* was removed.*push it again/, at(0), randomBytes(content.length));
    await says(400, /needs host and offset/, path, content);
    await says(409, /host host-z is not registered/, at(0, 'host-z'), content);
    expect(await ask('pusher', 'POST', at(0), content)).toMatchObject({ answer: { complete: true } });
    await isReady('wrong', content);
  });

  it('has a log for those with the right to that, which says that nothing was built', async () => {
    const path = templatePath(BUILD_LOG, 'default', 'whole');
    const forbidden = { status: 403, answer: { message: expect.stringContaining('templates/log') } };
    expect(await ask('pusher', 'GET', path)).toMatchObject(forbidden);
    const message = 'template default/whole is not built: only those with source.build have such a log';
    expect(await ask('watcher', 'GET', path)).toMatchObject({ status: 409, answer: { message } });
  });

  it('needs the right to create it, and a template that takes it', async () => {
    const path = templatePath(UPLOAD, 'default', 'whole');
    const forbidden = { status: 403, answer: { message: expect.stringContaining('templates/upload') } };
    expect(await ask('reader', 'GET', path)).toMatchObject(forbidden);
    expect(await ask('reader', 'POST', `${path}?host=${HOST}&offset=0`, Buffer.from('x'))).toMatchObject(
      forbidden,
    );
    expect(await ask('pusher', 'GET', templatePath(UPLOAD, 'default', 'none'))).toMatchObject({
      status: 404,
    });
    await world.addTemplate('fetched');
    expect(await ask('pusher', 'GET', templatePath(UPLOAD, 'default', 'fetched'))).toMatchObject({
      status: 409,
    });
  });

  it('that is no disk is refused with what it is', async () => {
    const path = join(world.directory, 'page.img');
    await writeFile(path, '<!doctype html><html><body>Sign in</body></html>');
    const { code, stderr } = await push(path);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/web page/) });
    expect(await push(join(world.directory, 'nothing.img'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not exist'),
    });
  });
});
