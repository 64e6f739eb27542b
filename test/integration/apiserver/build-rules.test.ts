import { describe, expect, it } from 'vitest';
import { TEMPLATES, VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import type { ResourceRef } from '../../../src/base/object.ts';
import { manifest } from '../../e2e/tasks.ts';
import { rulesApi } from './rules-api.ts';

const KINDS: readonly ResourceRef[] = [TEMPLATES, VIRTUAL_APPLIANCES];
const url = 'https://example.com/file';
const sha256 = 'a'.repeat(64);
const parent = { name: 'debian' };
const RUN = { run: 'true' };

const sourced = (source: object) => manifest('Template', 'built', { source });
const built = (build: object) => sourced({ parent, build: { steps: [RUN], ...build } });
const stepped = (...steps: readonly object[]) => built({ steps });
const copied = (from: object, more: object = {}) => stepped({ copy: { from, to: '/srv/file', ...more } });

/** On a real API server as on the embedded one: COPPICE_TEST_API=kube-apiserver. */
describe('the rules about builds', () => {
  const server = rulesApi(KINDS);

  it.each([
    ['a step that is nothing', stepped({ name: 'nothing' }), 'a step is exactly one of run, copy and reboot'],
    ['a step that is two things', stepped({ run: 'true', reboot: true }), 'a step is exactly one of'],
    ['no reboot', stepped({ reboot: false }), 'reboot is true, or left out'],
    ['a copy from nowhere', copied({}), 'exactly one of configMap, secret and url must be given'],
    ['a copy from two places', copied({ url, sha256, secret: { name: 'a' } }), 'exactly one of configMap'],
    ['a url without its digest', copied({ url }), 'url and sha256 go together'],
    [
      'a password in a url',
      copied({ url: 'https://me:x@example.com/a', sha256 }),
      'a user and password in url',
    ],
    ['a relative path', copied({ url, sha256 }, { to: 'srv/file' }), 'should match'],
    ['a mode of letters', copied({ url, sha256 }, { mode: 'rw' }), 'should match'],
    ['an owner with a space', copied({ url, sha256 }, { owner: 'www data' }), 'should match'],
    ['the whole disk cleaned', built({ clean: ['/'] }), 'should match'],
    ['no steps', built({ steps: [] }), 'should have at least 1 items'],
    ['a step that may take no time', stepped({ ...RUN, timeoutSeconds: 0 }), 'greater than or equal to 1'],
    ['a disk of no size', built({ diskSize: '-1' }), 'should match'],
    [
      'a parent by name and series',
      sourced({ parent: { name: 'a', series: 'a' }, build: { steps: [RUN] } }),
      'exactly one of name and series',
    ],
    [
      'a version of one name',
      sourced({ parent: { name: 'a', version: '1' }, build: { steps: [RUN] } }),
      'version is for series',
    ],
    [
      'itself as parent',
      sourced({ parent: { name: 'built' }, build: { steps: [RUN] } }),
      'be its own parent: name another',
    ],
    ['itself made flat', sourced({ flattened: { name: 'built' } }), 'made of its own layers: name another'],
    ['steps without a parent', sourced({ build: { steps: [RUN] } }), 'build needs a parent to build on'],
    ['a parent without steps', sourced({ parent }), 'parent needs build, with the steps'],
    [
      'an image with steps',
      sourced({ image: { url, sha256 }, build: { steps: [RUN] } }),
      'build needs a parent',
    ],
  ])('%s: refused', async (_, object, words) => {
    await expect(server.create(object)).rejects.toThrow(words);
  });

  it('takes every kind of step, and lets nobody change one afterwards', async () => {
    const object = built({
      revision: '2',
      clean: ['/srv/cache'],
      diskSize: '4Gi',
      network: { pool: 'lan' },
      steps: [
        { name: 'install it', run: 'true', timeoutSeconds: 60 },
        { copy: { from: { configMap: { name: 'a', key: 'b' } }, to: '/a', mode: '0755', owner: 'root:adm' } },
        { copy: { from: { secret: { name: 'a' } }, to: '/b' } },
        { copy: { from: { url, sha256 }, to: '/c' } },
        { reboot: true },
      ],
    });
    await server.create(object);
    const change = { spec: { source: { build: { revision: '3' } } } };
    await expect(server.kube.patch(TEMPLATES, object.metadata, change)).rejects.toThrow(
      'source cannot be changed',
    );
  });

  it('lets nobody change what an appliance builds', async () => {
    const spec = { template: parent, build: { template: 'built', key: 'a' } };
    const object = manifest('VirtualAppliance', 'built-build', spec);
    await server.create(object);
    const change = (build: object | null) =>
      server.kube.patch(VIRTUAL_APPLIANCES, object.metadata, { spec: { build } });
    await expect(change({ key: 'b' })).rejects.toThrow('what an appliance builds cannot be changed');
    await expect(change(null)).rejects.toThrow('whether an appliance builds a template cannot be changed');
  });
});
