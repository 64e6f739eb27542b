import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../base/object.ts';
import { createFakeClock } from '../../base/testing/fake-clock.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { createCa, type KeyPair } from '../certificates.ts';
import { type Identity, loadIdentity, renewalTime, saveIdentity } from './identity.ts';
import { keepIdentity, obtainIdentity } from './keeper.ts';
import { startEnrolment } from './server.ts';

const DAY_MS = 86_400_000;
const log = pino({ level: 'silent' });
const NODE = 'worker-1.example';

/** An API server that takes every token for that of the DaemonSet's pod on one node. */
function kubernetes(): Pick<KubeClient, 'create' | 'find' | 'patch'> {
  let host: KubeObject | undefined;
  const user = {
    username: 'system:serviceaccount:coppice-system:coppice-host',
    extra: { 'authentication.kubernetes.io/node-name': [NODE] },
  };
  const status = { authenticated: true, audiences: ['coppice-operator'], user };
  return {
    create: (async (_ref: unknown, object: KubeObject) => {
      if (object.kind === 'TokenReview') return { ...object, status };
      host = { ...object, metadata: { ...object.metadata, uid: randomUUID() } };
      return host;
    }) as KubeClient['create'],
    find: (async () => host) as KubeClient['find'],
    patch: (async () => host) as KubeClient['patch'],
  };
}

describe('the identity of a host', () => {
  let authority: KeyPair;
  let operator: Awaited<ReturnType<typeof startEnrolment>>;
  let directory: string;
  const clock = createFakeClock(Date.now());
  const signal = new AbortController().signal;

  beforeAll(async () => {
    authority = await createCa({ commonName: 'hosts', days: 3650, now: clock.now() });
    const accounts = { namespace: 'coppice-system', daemonSet: 'coppice-host' };
    const listen = { host: '127.0.0.1', port: 0 };
    operator = await startEnrolment({ listen, authority, accounts, client: kubernetes(), clock, log });
  });
  afterAll(() => operator.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coppice-identity-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const keeper = { clock, random: () => 1, log } as const;
  const source = async (server: string) => {
    const [caFile, tokenFile] = [join(directory, 'ca.crt'), join(directory, 'token')];
    await writeFile(caFile, authority.cert);
    await writeFile(tokenFile, 'token\n');
    return { server, caFile, tokenFile, address: 'https://10.0.0.5:7444' };
  };

  it('is that of the node in the token, and is saved', async () => {
    const options = { ...keeper, stateDirectory: directory, source: await source(operator.url) };
    const { identity, nextAt } = await obtainIdentity(options, signal);
    expect(identity.host).toBe('worker-1-example');
    expect(await loadIdentity(directory, clock.now())).toEqual(identity);
    expect(Math.round((nextAt - clock.now()) / DAY_MS)).toBe(20);
  });

  it('is the stored one while the operator does not answer, and is soon requested again', async () => {
    const options = { ...keeper, stateDirectory: directory, source: await source(operator.url) };
    const { identity } = await obtainIdentity(options, signal);
    const away = await source('https://127.0.0.1:1');
    expect(await obtainIdentity({ ...options, source: away }, signal)).toEqual({
      identity,
      nextAt: clock.now(),
    });
  });

  it('must come from `coppice host join` if the host cannot join by itself', async () => {
    const options = { ...keeper, stateDirectory: directory };
    await expect(obtainIdentity(options, signal)).rejects.toThrow('run `coppice host join` first');
  });

  it.each([
    ['damaged', async (identity: Identity) => ({ ...identity, cert: 'no certificate' })],
    ['with another key', async (identity: Identity) => ({ ...identity, key: authority.key })],
  ])('is not used when it is %s', async (_, damage) => {
    const options = { ...keeper, stateDirectory: directory, source: await source(operator.url) };
    const { identity } = await obtainIdentity(options, signal);
    await saveIdentity(directory, await damage(identity));
    expect(await loadIdentity(directory, clock.now())).toBeUndefined();
  });

  it('is renewed by the daemon when a third of its life is left', async () => {
    const options = { ...keeper, stateDirectory: directory, source: await source(operator.url) };
    const first = await obtainIdentity(options, signal);
    const renewed: Identity[] = [];
    const stop = new AbortController();
    // A host that has joined proves itself by its certificate, not by a token.
    const joined = { ...keeper, stateDirectory: directory };
    const keeping = keepIdentity(joined, first, (identity) => renewed.push(identity), stop.signal);
    try {
      await clock.advance(19 * DAY_MS);
      expect(renewed).toEqual([]);
      await clock.advance(2 * DAY_MS);
      await vi.waitFor(() => expect(renewed).toHaveLength(1), { timeout: 20_000 });
      expect(renewed[0]?.host).toBe('worker-1-example');
      expect(renewalTime(renewed[0] as Identity)).toBeGreaterThan(renewalTime(first.identity));
      expect(await loadIdentity(directory, clock.now())).toEqual(renewed[0]);
    } finally {
      stop.abort();
      await keeping;
    }
  });
});
