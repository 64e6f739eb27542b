import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../base/object.ts';
import { ApiError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { ensureHostAuthority, operatorTls } from './host-authority.ts';

const NAME = { namespace: 'coppice-system', name: 'coppice-hosts' };
const NOW = Date.parse('2030-01-01T00:00:00Z');
const NEVER = new AbortController().signal;

type Store = Pick<KubeClient, 'find' | 'get' | 'create'>;

/** One Secret in memory; `hides` makes the first look find nothing, as when two operators begin at once. */
function secrets(initial?: KubeObject, hides = false): Store & { stored(): KubeObject | undefined } {
  let stored = initial;
  let isHidden = hides;
  const find = async () => {
    const seen = isHidden ? undefined : stored;
    isHidden = false;
    return seen;
  };
  return {
    find: find as Store['find'],
    get: find as Store['get'],
    create: (async (_ref: unknown, object: KubeObject) => {
      if (stored !== undefined)
        throw new ApiError({ status: 409, reason: 'AlreadyExists', message: 'it exists' });
      stored = object;
      return object;
    }) as Store['create'],
    stored: () => stored,
  };
}

describe('the authority of the hosts', () => {
  it('is created once, and never changes', async () => {
    const store = secrets();
    const made = await ensureHostAuthority(store, NAME, NOW, NEVER);
    expect(await ensureHostAuthority(store, NAME, NOW + 1, NEVER)).toEqual(made);
  });

  it('is that of the first operator when two begin at once', async () => {
    const first = secrets();
    const made = await ensureHostAuthority(first, NAME, NOW, NEVER);
    expect(await ensureHostAuthority(secrets(first.stored(), true), NAME, NOW, NEVER)).toEqual(made);
  });

  it('signs certificates of operators that daemons accept', async () => {
    const authority = await ensureHostAuthority(secrets(), NAME, NOW, NEVER);
    const { ca, cert } = await operatorTls(authority, NOW);
    const certificate = new X509Certificate(cert);
    expect(certificate.verify(new X509Certificate(ca).publicKey)).toBe(true);
    expect(certificate.subject).toContain('O=coppice:operators');
  });

  it.each([
    ['is empty', {}],
    ['holds something else', { 'ca.crt': 'eA==', 'ca.key': 'eQ==' }],
  ])('is never replaced when its Secret %s', async (_, data) => {
    const damaged = { apiVersion: 'v1', kind: 'Secret', metadata: NAME, data };
    const store = secrets(damaged);
    await expect(ensureHostAuthority(store, NAME, NOW, NEVER)).rejects.toThrow(
      'Secret coppice-system/coppice-hosts holds no usable authority',
    );
    expect(store.stored()).toBe(damaged);
  });
});
