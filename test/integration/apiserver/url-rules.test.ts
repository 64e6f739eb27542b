import { describe, expect, it } from 'vitest';
import { HOSTS, SERVICE_DEPLOYMENTS, TEMPLATES, VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import type { ResourceRef } from '../../../src/base/object.ts';
import { aService, aTask, type Manifest, manifest } from '../../e2e/tasks.ts';
import { rulesApi } from './rules-api.ts';

const KINDS: readonly ResourceRef[] = [HOSTS, SERVICE_DEPLOYMENTS, TEMPLATES, VIRTUAL_APPLIANCES];
const SECRET = 's3cr3t';
const GOOD = { url: 'https://files.example/a@b?key=c@d#e@f', sha256: '0'.repeat(64) };

const template = (change: object) =>
  manifest('Template', 'a', {
    series: 'a',
    version: '1',
    source: { image: GOOD },
    container: { type: 'static-site', port: 80 },
    ...change,
  });
const appliance = (source: object) => {
  const service = { ...aService({}), template: { name: 'a' }, package: source };
  return manifest('VirtualAppliance', 'a', service);
};

/** Each place where somebody may write an address, as an object that has it there. */
const PLACES: readonly (readonly [string, (url: string) => Manifest])[] = [
  ['an image', (url) => template({ source: { image: { ...GOOD, url } } })],
  ['a kernel', (url) => template({ guest: { boot: { kernel: { ...GOOD, url } } } })],
  ['an initrd', (url) => template({ guest: { boot: { kernel: GOOD, initrd: { ...GOOD, url } } } })],
  ["a task's package", (url) => aTask('a', { package: { ...GOOD, url } })],
  ["an appliance's package", (url) => appliance({ ...GOOD, url })],
];

/** The same on a real API server as on the embedded one: COPPICE_TEST_API=kube-apiserver. */
describe('a user or password in an address', () => {
  const server = rulesApi(KINDS);

  const refusalOf = (object: Manifest) =>
    server.create(object).then(
      () => 'it was taken',
      (error: Error) => error.message,
    );

  it.each(PLACES)('is refused in the address of %s, and not repeated', async (_, objectWith) => {
    for (const start of [`http://user:${SECRET}@`, `https://${SECRET}@`, `https://:${SECRET}@`]) {
      const refusal = await refusalOf(objectWith(`${start}files.example/a`));
      expect(refusal).toContain('a user and password in url are not used: remove them');
      expect(refusal).not.toContain(SECRET);
    }
  });

  it.each(PLACES)('is not confused with a later @ in the address of %s', async (_, objectWith) => {
    const object = objectWith(GOOD.url);
    await server.create(object);
    await server.remove(object);
  });

  it('is refused in the address of a container image, which disks alone may have', async () => {
    const image = (url: string) => template({ source: { image: { ...GOOD, url } } });
    const refusal = await refusalOf(image(`docker://${SECRET}@quay.io/disks/debian`));
    expect(refusal).toContain('a user and password in url are not used: remove them');
    expect(refusal).not.toContain(SECRET);
    for (const url of ['docker://quay.io/a@sha256:00', 'docker://quay.io/DISK', 'docker://quay.io/a//b']) {
      expect(await refusalOf(image(url))).toContain(
        'is docker://registry/repository[:tag], and its digest is',
      );
    }
    const good = image('docker://registry.example:5000/disks/debian:12-slim');
    await server.create(good);
    await server.remove(good);
    const kernel = { ...GOOD, url: 'docker://quay.io/disks/debian' };
    expect(await refusalOf(template({ guest: { boot: { kernel } } }))).toMatch(/kernel\.url.*Invalid value/);
  });

  it.each(['user:s3cr3t@10.0.0.5:7443', '10.0.0.5:7443?s3cr3t', '10.0.0.5:7443#s3cr3t'])(
    'is refused in the address of a host, as are query and fragment: %s',
    async (address) => {
      const refusal = await refusalOf(manifest('Host', 'a', { address: `https://${address}` }));
      expect(refusal).toContain('remove user, password, query and fragment');
      expect(refusal).not.toContain(SECRET);
    },
  );
});
