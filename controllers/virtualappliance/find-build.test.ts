import { describe, expect, it } from 'vitest';
import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { cachesOf } from '../../test/builders/caches.ts';
import { anAppliance, anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { desiredOf } from './describe-vm.ts';
import { findBuild } from './find-build.ts';
import type { Scope } from './scope.ts';

const never = new AbortController().signal;
const VERSION = 'uid-token/7';
const TOKEN = Buffer.from('secret').toString('base64');

const steps: NonNullable<Template['spec']['source']['build']>['steps'] = [
  { name: 'install', run: 'true', timeoutSeconds: 60 },
  { copy: { from: { secret: { name: 'token', key: 'token' } }, to: '/root/token', mode: '0400' } },
  { copy: { from: { secret: { name: 'token' } }, to: '/root/all' } },
  { reboot: true },
];

function child(parent = 'debian'): Template {
  const source = { parent: { name: parent }, build: { resources: {}, steps, clean: ['/x'] } };
  return aTemplate({
    metadata: { name: 'child', uid: 'uid-child' },
    spec: { source: source as Template['spec']['source'] },
  });
}

function builder(version = VERSION): VirtualAppliance {
  const inputs = [2, 3].map((step) => ({ step, version }));
  return anAppliance({ spec: { build: { template: 'child', key: 'a', inputs } } });
}

function find(appliance: VirtualAppliance, templates: readonly Template[], answer: unknown = undefined) {
  const secret = {
    metadata: { uid: 'uid-token', resourceVersion: '7' },
    data: { token: TOKEN },
  };
  const client = {
    find: async () => {
      if (answer instanceof Error) throw answer;
      return secret;
    },
  };
  const scope = { appliance, context: { caches: cachesOf({ templates }), client } } as unknown as Scope;
  return { result: findBuild(scope), build: scope.build };
}

describe('what an appliance builds', () => {
  it('is nothing for most', () => {
    expect(find(anAppliance(), [])).toEqual({ result: { type: 'done' }, build: undefined });
  });

  it('is in its template, with what Secrets hold when it is sent', async () => {
    const { build } = find(builder(), [child()]);
    expect(await build?.read(never)).toEqual({
      clean: ['/x'],
      steps: [
        { kind: 'run', name: 'install', timeoutSeconds: 60, script: 'true' },
        {
          kind: 'copy',
          timeoutSeconds: 3600,
          to: '/root/token',
          mode: '0400',
          content: { kind: 'bytes', base64: TOKEN },
        },
        {
          kind: 'copy',
          timeoutSeconds: 3600,
          to: '/root/all',
          content: { kind: 'files', files: { token: TOKEN } },
        },
        { kind: 'reboot', timeoutSeconds: 3600 },
      ],
    });
  });

  it.each([
    ['is gone', [], 'NothingToBuild'],
    ['has an image', [aTemplate({ metadata: { name: 'child' } })], 'NothingToBuild'],
    ['has another parent', [child('alpine')], 'NothingToBuild'],
  ])('is nothing when its template %s', (_, templates, reason) => {
    expect(find(builder(), templates).result).toMatchObject({
      type: 'blocked',
      obstacle: { reason, isStalled: true },
    });
  });

  it('is no other version of a Secret than the one with which it began', async () => {
    const reading = find(builder('uid-token/6'), [child()]).build?.read(never);
    await expect(reading).rejects.toMatchObject({
      reason: 'BuildInputChanged',
      message: expect.stringMatching(/^Secret default\/token was changed .* delete appliance default\/web-0/),
    });
  });

  it('says what the operator may not read', async () => {
    const forbidden = new ApiError({ status: 403, reason: 'Forbidden', message: 'no' });
    const reading = find(builder(), [child()], forbidden).build?.read(never);
    await expect(reading).rejects.toMatchObject({
      obstacle: { reason: 'BuildInputRefused', message: expect.stringContaining('rbac.secretNamespaces') },
    });
  });

  it('is sent without ports, since nobody comes to it', () => {
    const { network } = desiredOf(builder(), anImportedTemplate(), undefined).appliance;
    expect(network).toEqual({ mode: 'user', ports: [] });
  });
});
