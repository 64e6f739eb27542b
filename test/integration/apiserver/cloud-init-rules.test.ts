import { describe, expect, it } from 'vitest';
import { SERVICE_DEPLOYMENTS, TEMPLATES, VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import type { ResourceRef } from '../../../src/base/object.ts';
import { USER_DATA_BEGINNINGS } from '../../../src/domain/cloud-init/user-data.ts';
import { aTask, manifest } from '../../e2e/tasks.ts';
import { rulesApi } from './rules-api.ts';

const KINDS: readonly ResourceRef[] = [SERVICE_DEPLOYMENTS, TEMPLATES, VIRTUAL_APPLIANCES];
const sha256 = 'a'.repeat(64);
const source = { image: { url: 'https://example.com/disk.qcow2', sha256 } };
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== somebody@somewhere, a laptop';

const template = (guest: object) => manifest('Template', 'cloud', { source, guest });
const packaged = (url: string) => template({ init: 'cloud-init', agentPackages: [{ url, sha256 }] });
const appliance = (parameters: object) =>
  manifest('VirtualAppliance', 'cloud', { template: { name: 'cloud' }, parameters });
const inSecret = { userDataSecret: { name: 'boot', key: 'userdata' } };
const told = (userData: string) => appliance({ cloudInit: { userData } });

/** On a real API server as on the embedded one: COPPICE_TEST_API=kube-apiserver. */
describe('the rules about cloud-init', () => {
  const server = rulesApi(KINDS);

  it.each([
    ['packages that nothing installs', template({ agentPackages: [] }), 'are installed by cloud-init'],
    ['a package of no known kind', packaged('https://example.com/agent.zip'), 'ends in .deb, .rpm or .apk'],
    ['a password in a url', packaged('https://me:secret@example.com/a.deb'), 'a user and password in url'],
    ['another program', template({ init: 'ignition' }), 'Unsupported value: "ignition"'],
    ['settings without their first line', told('packages: [curl]\n'), 'write #cloud-config above settings'],
    ['a space before it', told(' #cloud-config\n'), 'write #cloud-config above settings'],
    ['a task with no user data', aTask('cloud', { parameters: { cloudInit: {} } }), 'one of both'],
    ['user data twice', appliance({ cloudInit: { ...inSecret, userData: '#!/bin/sh' } }), 'one of both'],
    [
      'a key of a Secret without the Secret',
      appliance({ cloudInit: { userDataSecret: {} } }),
      'Required value',
    ],
    ['a key of two lines', appliance({ sshAuthorizedKeys: [`${KEY}\n${KEY}`] }), 'should match'],
    ['a private key', appliance({ sshAuthorizedKeys: ['-----BEGIN KEY-----'] }), 'should match'],
  ])('%s: refused', async (_, object, words) => {
    await expect(server.create(object)).rejects.toThrow(words);
  });

  it.each([
    ...USER_DATA_BEGINNINGS.map((beginning) => [beginning, told(`${beginning} x\n`)] as const),
    ['a Secret', appliance({ cloudInit: inSecret })] as const,
    ['a Secret of a task', aTask('cloud', { parameters: { cloudInit: inSecret } })] as const,
    ['a key', appliance({ sshAuthorizedKeys: [KEY] })] as const,
    ['a signed link to a package', packaged('https://example.com/agent.rpm?signature=x.y')] as const,
    ['a task', aTask('cloud', { parameters: { sshAuthorizedKeys: [KEY] } })] as const,
  ])('%s: taken', async (_, object) => {
    await server.create(object);
    await server.remove(object);
  });

  it('neither init nor the packages of a template can be changed', async () => {
    const before = packaged('https://example.com/agent.deb');
    await server.create(before);
    const change = (guest: object) =>
      server.kube.apply(TEMPLATES, template(guest) as never, { fieldManager: 'user' });
    const agentPackages = [{ url: 'https://example.com/other.deb', sha256 }];
    await expect(change({ init: 'none' })).rejects.toThrow('init cannot be changed');
    await expect(change({ init: 'cloud-init', agentPackages })).rejects.toThrow(
      'agentPackages cannot be changed',
    );
    await server.remove(before);
  });
});
