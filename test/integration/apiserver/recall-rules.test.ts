import { beforeAll, describe, expect, it } from 'vitest';
import { TEMPLATES } from '../../../src/api/kinds.ts';
import type { KubeObject } from '../../../src/base/object.ts';
import { manifest } from '../../e2e/tasks.ts';
import { rulesApi } from './rules-api.ts';

const MACHINE = '11111111-1111-4111-8111-111111111111';
const recalled = {
  ...{ task: 'shop', service: 'web', ordinal: 0, recall: 1, machine: MACHINE },
  template: { series: 'debian' },
  package: { inline: { files: { 'index.html': 'hello' } } },
  parameters: { env: { MODE: 'prod' } },
};
const image = (name: string, change: object = {}) =>
  manifest('Template', name, {
    source: { appliance: { name: 'shop-web-0', uid: MACHINE } },
    container: { type: 'static-site', port: 80 },
    recalled,
    ...change,
  });

/** The same on a real API server as on the embedded one: COPPICE_TEST_API=kube-apiserver. */
describe('what the API server says of recalls', () => {
  const server = rulesApi([TEMPLATES]);
  beforeAll(() => server.create(image('one')));

  const named = { namespace: 'default', name: 'one' };
  const refusalOf = (call: Promise<KubeObject>) =>
    call.then(
      () => 'it was taken',
      (error: Error) => error.message,
    );

  it('keeps all that an image tells', async () => {
    expect((await server.kube.get(TEMPLATES, named)).spec.recalled).toEqual(recalled);
  });

  it.each([{ scope: 'Cluster' }, { scope: 'Namespaces', namespaces: ['other'] }])(
    'refuses to share an image of a recalled service: %j',
    async (sharing) => {
      const made = refusalOf(server.kube.create(TEMPLATES, image('two', { sharing }) as never));
      expect(await made).toMatch(/spec\.sharing.*keys and secrets/);
      expect(await refusalOf(server.kube.patch(TEMPLATES, named, { spec: { sharing } }))).toMatch(
        /keys and secrets/,
      );
    },
  );

  it('refuses to change what an image was, and to take it away', async () => {
    for (const change of [{ ordinal: 1 }, null]) {
      const answer = refusalOf(server.kube.patch(TEMPLATES, named, { spec: { recalled: change } }));
      expect(await answer).toMatch(/cannot be changed/);
    }
  });

  it('refuses an image that is of no appliance', async () => {
    const source = { image: { url: 'https://files.example/a', sha256: '0'.repeat(64) } };
    expect(await refusalOf(server.kube.create(TEMPLATES, image('two', { source }) as never))).toMatch(
      /remove it/,
    );
  });
});
