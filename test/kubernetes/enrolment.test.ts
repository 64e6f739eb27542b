import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pino } from 'pino';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { HOSTS } from '../../src/api/kinds.ts';
import { createCa } from '../../src/main/certificates.ts';
import { requestIdentity } from '../../src/main/enrolment/client.ts';
import { type Identity, loadIdentity } from '../../src/main/enrolment/identity.ts';
import { accept, invite } from '../../src/main/enrolment/invitation.ts';
import { runJoinedHostd } from '../../src/main/joined-hostd.ts';
import type { Operator } from '../../src/main/operator.ts';
import { eventually } from '../integration/operator/eventually.ts';
import { World } from '../integration/operator/world.ts';
import { coppiceProgram } from '../programs.ts';
import { AUTHORITY, authorityOf, DAEMON_SET_ACCOUNT, enrolment, joinAs } from './joining.ts';
import { accountToken } from './operator-account.ts';
import { describeOnKubernetes } from './suite.ts';

const CLI = await coppiceProgram();
const log = pino({ level: 'silent' });

await describeOnKubernetes('a host that joins', () => {
  let world: World;
  let operator: Operator;
  let url: string;

  beforeAll(async () => {
    world = await World.start();
    const joining = await enrolment(world);
    url = joining.url;
    operator = await world.newOperator({ hostTls: { secret: AUTHORITY }, enrolment: joining.config });
    await eventually('the operator is ready', async () =>
      expect((await fetch(`${operator.metricsUrl}/readyz`)).status).toBe(200),
    );
  });
  afterAll(async () => {
    await operator.close();
    await world.stop();
  });

  const renew = ({ cert, key, clientCa, address }: Identity) =>
    requestIdentity({ server: url, ca: clientCa, address, proof: { cert, key } });

  it('is registered where it says', async () => {
    await joinAs(world, url, 'host-a', { address: 'https://10.0.0.5:7444' });
    expect((await world.host('host-a')).spec.address).toBe('https://10.0.0.5:7444');
  });

  it('joins by its invitation from outside, and is ready when its daemon runs', async () => {
    const port = await world.freePort();
    const [address, stateDir] = [`https://127.0.0.1:${port}`, join(world.directory, 'host-e')];
    const invitation = await invite(world.kube, {
      ...{ name: 'host-e', namespace: AUTHORITY.namespace, authoritySecret: AUTHORITY.name },
      ...{ address, operator: url, minutes: 10 },
    });
    await expect(accept(JSON.stringify(invitation).slice(1), stateDir)).rejects.toThrow(
      'copy its whole output',
    );
    expect(await accept(JSON.stringify(invitation), stateDir)).toBe('host-e');
    const config = {
      name: undefined,
      source: undefined,
      driver: 'simulated',
      capacity: {},
      fileRoots: [],
      log,
    } as const;
    const listen = { host: '127.0.0.1', port };
    const daemon = await runJoinedHostd({ ...config, listen, stateDir }, new AbortController().signal);
    try {
      await eventually('the host is ready', async () => {
        const ready = findCondition((await world.host('host-e')).status?.conditions, 'Ready');
        expect(ready).toMatchObject({ status: 'True' });
      });
    } finally {
      await daemon.close();
    }
  });

  it('joins by the two commands of the CLI, which report what is wrong with their input', async () => {
    const stateDir = join(world.directory, 'host-g');
    const address = 'https://10.0.0.7:7444';
    const add = ['host', 'add', 'host-g', '-n', AUTHORITY.namespace, '--address', address, '--operator', url];
    const invitation = await coppice(add);
    const joining = ['host', 'join', '-', '--state-dir', stateDir];
    await expect(coppice(joining, 'something else')).rejects.toThrow('copy its whole output, unchanged');
    expect(await coppice(joining, invitation)).toBe(
      `Joined as host-g. Next: coppice hostd --state-dir ${stateDir}\n`,
    );
    expect((await loadIdentity(stateDir, Date.now()))?.host).toBe('host-g');
    expect((await world.host('host-g')).spec.address).toBe(address);
    await expect(coppice(add.with(2, 'Host_G'))).rejects.toThrow("'Host_G' cannot be a host's name");
    await expect(coppice([...add, '--authority-secret', 'none'])).rejects.toThrow(
      'there is no Secret default/none: the operator creates it at its first start',
    );
  });

  /** What the command prints; rejects with its complaint. */
  function coppice(args: readonly string[], input = ''): Promise<string> {
    const env = { ...process.env, KUBECONFIG: world.api.kubeconfigPath };
    return new Promise((resolve, reject) => {
      const child = execFile(process.execPath, [CLI, ...args], { env }, (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(stderr)),
      );
      child.stdin?.end(input);
    });
  }

  it('renews its certificate with the one that it has, until its Host is deleted', async () => {
    const first = await joinAs(world, url, 'host-b');
    const second = await renew(first);
    expect(second.host).toBe('host-b');
    expect(second.key).not.toBe(first.key);
    await world.kube.delete(HOSTS, { name: 'host-b' });
    await eventually('the renewal is refused', () =>
      expect(renew(second)).rejects.toThrow('host host-b was deleted: add it again'),
    );
  });

  it('does not renew what was for a Host of the same name before', async () => {
    const first = await joinAs(world, url, 'host-f');
    await world.kube.delete(HOSTS, { name: 'host-f' });
    await eventually('the Host is gone', async () =>
      expect(await world.kube.find(HOSTS, { name: 'host-f' })).toBeUndefined(),
    );
    const second = await joinAs(world, url, 'host-f');
    await expect(renew(first)).rejects.toThrow('host host-f was deleted and added again');
    expect((await renew(second)).host).toBe('host-f');
  });

  it('that has moved is found at its new address', async () => {
    await joinAs(world, url, 'host-c');
    await joinAs(world, url, 'host-c', { address: 'https://127.0.0.2:7444' });
    expect((await world.host('host-c')).spec.address).toBe('https://127.0.0.2:7444');
  });

  it.each([
    ['for something else', 'coppice-host-host-d', 'another-audience', 'the token is invalid'],
    ['of another account', 'somebody', 'coppice-operator', 'is not the account of a host'],
    [
      'of no pod, though of the DaemonSet',
      DAEMON_SET_ACCOUNT,
      'coppice-operator',
      'does not say on which node',
    ],
  ])('with a token %s is refused', async (_, account, audience, words) => {
    const token = await accountToken(world.kube, account, audience);
    const ca = await authorityOf(world);
    const address = 'https://127.0.0.1:7444';
    await expect(requestIdentity({ server: url, ca, address, proof: { token } })).rejects.toThrow(words);
    expect(await world.kube.find(HOSTS, { name: 'host-d' })).toBeUndefined();
  });

  it('with a certificate of another authority, or none, is refused', async () => {
    const ca = await authorityOf(world);
    const another = await createCa({ commonName: 'host-a', days: 1, now: Date.now() });
    const ask = (proof: { cert: string; key: string }) =>
      requestIdentity({ server: url, ca, address: 'https://127.0.0.1:7444', proof });
    await expect(ask(another)).rejects.toThrow('neither a token nor a valid client certificate');
  });

  it('does not send its token to an operator whose authority it does not trust', async () => {
    const { cert: ca } = await createCa({ commonName: 'another', days: 1, now: Date.now() });
    const application = { server: url, ca, address: 'https://127.0.0.1:7444', proof: { token: 'secret' } };
    await expect(requestIdentity(application)).rejects.toThrow(
      'is signed by the authority that this host trusts',
    );
  });

  it('with a request that is none is refused before anything else', async () => {
    const dispatcher = new Agent({
      connect: { ca: await authorityOf(world), servername: 'operator.coppice' },
    });
    const post = async (body: string, path = '/v1/join') => {
      const answer = await request(`${url}${path}`, { dispatcher, method: 'POST', body });
      return { status: answer.statusCode, ...((await answer.body.json()) as { error: string }) };
    };
    try {
      expect(await post('{')).toMatchObject({ status: 400, error: 'the request is not JSON' });
      expect(await post('{"csr": 1}')).toMatchObject({ status: 400, error: 'csr is missing' });
      expect(await post('{"csr": "", "address": "http://x"}')).toMatchObject({ status: 400 });
      expect(await post('{}', '/')).toMatchObject({ status: 404 });
      expect(await post(`{"csr": "${'x'.repeat(70_000)}"}`)).toMatchObject({ status: 413 });
    } finally {
      await dispatcher.close();
    }
  });
});
