import { describe, expect, it } from 'vitest';
import { aHost, aTemplate } from '../../test/builders/objects.ts';
import type { Template } from '../api/kinds.ts';
import { BUILD_LOG, templatePath, UPLOAD } from '../api/subresources.ts';
import { ApiError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { buildLogRequest, buildLogTarget } from './build-logs.ts';

const LAYER = 'a'.repeat(64);
const read = (query = '', method = 'GET', what: typeof BUILD_LOG | typeof UPLOAD = BUILD_LOG) =>
  buildLogRequest(method, new URL(`${templatePath(what, 'shop', 'site')}${query}`, 'https://operator'));

const source = { parent: { name: 'debian' }, build: { steps: [{ run: 'true' }] } };
const built = (status: Template['status'], from: object = source) =>
  aTemplate({ metadata: { name: 'site', namespace: 'shop' }, spec: { source: from }, status });
const done = { layers: { disk: LAYER }, build: { state: 'Done', host: 'host-a' } } as const;

/** Knows these, and nothing else. */
function clientOf(template?: Template, hosts: readonly string[] = ['host-a']): Pick<KubeClient, 'get'> {
  const get = async ({ kind }: { readonly kind: string }, { name }: { readonly name: string }) => {
    const found =
      kind === 'Template' ? template : hosts.includes(name) ? aHost({ metadata: { name } }) : undefined;
    if (found === undefined)
      throw new ApiError({ status: 404, reason: 'NotFound', message: `${name} not found` });
    return found;
  };
  return { get } as unknown as Pick<KubeClient, 'get'>;
}

const target = async (client: Pick<KubeClient, 'get'>, query = '') => {
  const wanted = read(query);
  if (wanted === undefined) throw new Error('it is the path of a build log');
  return await buildLogTarget(client, wanted);
};

describe('the log of a build', () => {
  it('is asked for where the template was built, as one of its namespace', async () => {
    const { hostName, url } = await target(clientOf(built(done)), '?bytes=10&source=console');
    expect(hostName).toBe('host-a');
    expect(url.href).toMatch(
      new RegExp(`^https://.*/v1/layers/${LAYER}/log[?]bytes=10&source=console&namespace=shop$`),
    );
  });

  it.each([
    [clientOf(), 404, 'templates.coppice.dev "site" not found'],
    [clientOf(built(done), []), 404, 'gone with host host-a, which built template site'],
    [clientOf(built(done, { url: 'file:///a', sha256: LAYER })), 409, 'shop/site is not built: only those'],
    [
      clientOf(built({ build: { state: 'Building' } })),
      409,
      'shop/site is not built yet: `coppice template logs`',
    ],
    [
      clientOf(built({ ...done, build: { state: 'Done' } })),
      404,
      'no log was kept of the build of template shop/site',
    ],
  ])('is not found, and why is said: %#', async (client, code, message) => {
    await expect(target(client)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('has no other options, no other method, and no other path', () => {
    expect(() => read('?namespace=theirs')).toThrow(/has no option 'namespace'; its options: bytes, source/);
    expect(() => read('', 'POST')).toThrow(/GET only/);
    expect(read('', 'GET', UPLOAD)).toBeUndefined();
  });
});
