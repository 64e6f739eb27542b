import { describe, expect, it } from 'vitest';
import { anAppliance, anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { LAYER } from '../../test/builders/reports.ts';
import { desiredOf } from './describe-vm.ts';

const [kernel, initrd] = ['2', '3'].map((digit) => digit.repeat(64)) as [string, string];

describe('the request to a host', () => {
  it('is complete, from the objects and their defaults alone', () => {
    const { appliance, layers } = desiredOf(anAppliance(), anImportedTemplate(), undefined);
    expect(appliance).toEqual({
      uuid: 'uid-web-0',
      generation: 1,
      namespace: 'default',
      name: 'web-0',
      powerState: 'Running',
      layer: LAYER,
      boot: { kind: 'firmware' },
      disk: { mode: 'Incremental' },
      resources: { cpuMillis: 500, memoryBytes: 256 * 1024 ** 2 },
      network: { mode: 'user', ports: [{ name: 'service', guestPort: 80 }] },
      service: {
        name: 'web',
        container: { type: 'static-site', port: 80, scheme: 'http' },
        parameters: { hostname: 'web-0' },
      },
      agentTimeoutSeconds: 300,
      serviceTimeoutSeconds: 300,
    });
    expect(layers).toEqual([LAYER]);
  });

  it('says whether it is the machine whose image its template is, by its name alone', () => {
    const machine = '11111111-1111-4111-8111-111111111111';
    const recalled = { task: 'shop', service: 'web', ordinal: 1, recall: 2, machine, template: {} };
    const image = anImportedTemplate({ spec: { recalled } });
    const machineOf = (metadata: object) =>
      desiredOf(anAppliance({ metadata: { name: 'shop-web-1', ...metadata } }), image, undefined).appliance
        .machine;
    expect(machineOf({})).toEqual({ kind: 'same', uuid: machine });
    expect(machineOf({ ownerReferences: [], labels: {} })).toEqual({ kind: 'same', uuid: machine });
    expect(machineOf({ name: 'shop-web-2' })).toEqual({ kind: 'other' });
    expect(machineOf({ name: 'other' })).toEqual({ kind: 'other' });
  });

  it('has the layers that the kernel and the initrd became, before the VM that boots from them', () => {
    const file = (digit: string) => ({ url: 'file:///images/boot', sha256: digit.repeat(64) });
    const boot = { kernel: file('b'), initrd: file('c'), commandLine: 'root=/dev/vda' };
    const template = anImportedTemplate({
      spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', boot } },
      status: { layers: { disk: LAYER, kernel, initrd } },
    });
    const { appliance, layers } = desiredOf(anAppliance(), template, undefined);
    expect(appliance.boot).toEqual({ kind: 'direct', kernel, initrd, commandLine: 'root=/dev/vda' });
    expect(layers).toEqual([LAYER, kernel, initrd]);
  });

  it('has the memory of its template for one that is to continue, and what becomes of processes', () => {
    const [memory, state] = [kernel, initrd];
    const of = (from: 'Checkpoint' | 'ColdBoot', onClone?: 'Restart' | 'Hook') => {
      const guest = { os: 'linux', agent: 'qemu-guest-agent', ...(onClone && { onClone }) } as const;
      const warm = anImportedTemplate({
        spec: { guest },
        status: { layers: { disk: LAYER, memory, state } },
      });
      return desiredOf(anAppliance({ spec: { start: { from } } }), warm, undefined).appliance.checkpoint;
    };
    expect(of('ColdBoot')).toBeUndefined();
    expect([of('Checkpoint'), of('Checkpoint', 'Restart')]).toEqual([
      { memory, state },
      { memory, state },
    ]);
    expect(of('Checkpoint', 'Hook')).toEqual({ memory, state, onClone: 'Hook' });
  });

  it('says that it is another machine than the one of which its template was saved', () => {
    const saved = anImportedTemplate({
      spec: { source: { appliance: { name: 'web-1', uid: 'uid-web-1' } } },
    });
    expect(desiredOf(anAppliance(), saved, undefined).appliance.machine).toEqual({ kind: 'other' });
    expect(desiredOf(anAppliance(), anImportedTemplate(), undefined).appliance.machine).toBeUndefined();
  });

  it('says how the guest runs under Xen', () => {
    const xen = { type: 'PVH', bootLoader: 'PvGrub' } as const;
    const template = anImportedTemplate({ spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', xen } } });
    expect(desiredOf(anAppliance(), template, undefined).appliance.xen).toEqual(xen);
    expect(desiredOf(anAppliance(), anImportedTemplate(), undefined).appliance.xen).toBeUndefined();
  });

  it('says what its machine is made of', () => {
    const guest = { os: 'linux', agent: 'qemu-guest-agent', firmware: 'uefi', diskBus: 'scsi' } as const;
    const spec = { disk: { mode: 'Incremental', data: { size: '20Gi' } } } as const;
    const { appliance } = desiredOf(
      anAppliance({ spec }),
      anImportedTemplate({ spec: { guest } }),
      undefined,
    );
    expect(appliance.boot).toEqual({ kind: 'firmware', firmware: 'uefi' });
    expect(appliance.disk).toEqual({ mode: 'Incremental', dataBytes: 20 * 1024 ** 3, bus: 'scsi' });
  });

  describe('of a guest with cloud-init', () => {
    const agentPackages = [{ url: 'https://host/agent.deb', sha256: kernel ?? '' }];
    const guest = { os: 'linux', agent: 'qemu-guest-agent' } as const;
    const cloud = anImportedTemplate({ spec: { guest: { ...guest, init: 'cloud-init', agentPackages } } });
    const asking = (parameters: object) => anAppliance({ spec: { parameters } });
    const key = 'ssh-ed25519 AAAA me';

    it('has what cloud-init is to do', () => {
      const parameters = { sshAuthorizedKeys: [key], cloudInit: { userData: '#!/bin/sh\n' } };
      expect(desiredOf(asking(parameters), cloud, undefined).appliance.cloudInit).toEqual({
        sshAuthorizedKeys: [key],
        userData: '#!/bin/sh\n',
        agentPackages,
      });
      expect(desiredOf(anAppliance(), cloud, undefined).appliance.cloudInit).toEqual({
        sshAuthorizedKeys: [],
        agentPackages,
      });
    });

    it.each([
      ['sshAuthorizedKeys', { sshAuthorizedKeys: [key] }],
      ['cloudInit', { cloudInit: { userData: '#!/bin/sh\n' } }],
    ])('refuses parameters.%s for a guest without', (field, parameters) => {
      for (const init of [{}, { init: 'none' } as const]) {
        const template = anImportedTemplate({ spec: { guest: { ...guest, ...init } } });
        expect(desiredOf(anAppliance(), template, undefined).appliance.cloudInit).toBeUndefined();
        expect(() => desiredOf(asking(parameters), template, undefined)).toThrow(
          `parameters.${field} needs a guest with cloud-init, and guest.init of template default/debian is none`,
        );
      }
    });

    it('refuses user data that cloud-init could not read', () => {
      expect(() =>
        desiredOf(asking({ cloudInit: { userData: '#cloud-config\n- a\n' } }), cloud, undefined),
      ).toThrow('userData cannot be used: its YAML is not a map of settings; correct it');
    });
  });

  it('contains ports, parameters and probe in the terms of the host', () => {
    const { appliance } = desiredOf(
      anAppliance({
        spec: {
          network: { mode: 'User', ports: [{ name: 'service', port: 8080, hostPort: 20_080 }] },
          parameters: { hostname: 'shop', env: { MODE: 'prod' }, probe: { tcp: { port: 8080 } } },
          disk: { mode: 'Clone', size: '4Gi' },
        },
      }),
      anImportedTemplate(),
      undefined,
    );
    expect(appliance.network.ports).toEqual([{ name: 'service', guestPort: 8080, hostPort: 20_080 }]);
    expect(appliance.service.parameters).toEqual({
      hostname: 'shop',
      env: { MODE: 'prod' },
      probe: { kind: 'tcp', port: 8080 },
    });
    expect(appliance.disk).toEqual({ mode: 'Clone', sizeBytes: 4 * 1024 ** 3 });
  });

  it('has the assigned address, and no port of the host, in mode Bridge', () => {
    const ports = [{ name: 'admin', port: 9000 }];
    const appliance = anAppliance({ spec: { network: { pool: 'lan', ports } } });
    const given = { address: '10.0.8.10', prefix: 24, gateway: '10.0.8.1', pool: 'lan' };
    expect(desiredOf(appliance, anImportedTemplate(), undefined, given).appliance.network).toEqual({
      mode: 'bridge',
      ports: [
        { name: 'service', guestPort: 80 },
        { name: 'admin', guestPort: 9000 },
      ],
      address: '10.0.8.10',
      prefixLength: 24,
      gateway: '10.0.8.1',
      dns: [],
    });
  });

  it('cuts a long name to a hostname that still ends in its number', () => {
    const name = `${'a'.repeat(60)}.${'b'.repeat(30)}-17`;
    const { appliance } = desiredOf(anAppliance({ metadata: { name } }), anImportedTemplate(), undefined);
    const { hostname } = appliance.service.parameters;
    expect(hostname).toHaveLength(63);
    expect(hostname).toMatch(/^a+-b+-17$/);
  });

  it('is refused when the guest cannot boot with so little memory, also while no host has the template', () => {
    const guest = { os: 'linux', agent: 'qemu-guest-agent', minimumMemory: '512Mi' } as const;
    for (const template of [anImportedTemplate({ spec: { guest } }), aTemplate({ spec: { guest } })])
      expect(() => desiredOf(anAppliance(), template, undefined)).toThrow(
        expect.objectContaining({ name: 'StalledError', reason: 'MemoryBelowMinimum' }),
      );
  });
});

describe('an appliance of a template whose layers are not known', () => {
  const standing = (type: string, status: 'True' | 'False', reason: string, message: string) => ({
    ...{ type, status, reason, message },
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const templateThat = (isStalled: boolean, reason: string, message: string) =>
    aTemplate({
      status: {
        conditions: [
          standing('Ready', 'False', reason, message),
          standing('Stalled', isStalled ? 'True' : 'False', reason, message),
        ],
      },
    });
  const refused = templateThat(true, 'DigestMismatch', 'host-a: https://secret.example has another sha256');
  const waits = {
    name: 'WaitingError',
    reason: 'TemplateNotReady',
    message: 'no host has imported the files of template default/debian yet: its status says how far it is',
  };

  const boot = { kernel: { url: 'https://k', sha256: 'b'.repeat(64) }, commandLine: '' };
  const guest = { os: 'linux', agent: 'qemu-guest-agent', boot } as const;
  it.each([
    ['waits', aTemplate(), 'default', waits],
    ['waits while its kernel is missing', anImportedTemplate({ spec: { guest } }), 'default', waits],
    [
      'waits while a host tries again, and says why',
      templateThat(false, 'SourceUnreachable', 'host-a: no answer'),
      'default',
      {
        name: 'WaitingError',
        reason: 'SourceUnreachable',
        message: 'template default/debian: host-a: no answer',
      },
    ],
    [
      'says why none can have it, to those of its namespace',
      refused,
      'default',
      {
        name: 'StalledError',
        reason: 'DigestMismatch',
        message: 'template default/debian: host-a: https://secret.example has another sha256',
      },
    ],
    ['waits, and hears nothing of an address, in another namespace', refused, 'other', waits],
  ])('%s', (_name, template, namespace, expected) => {
    const appliance = anAppliance({ metadata: { namespace } });
    expect(() => desiredOf(appliance, template, undefined)).toThrow(expect.objectContaining(expected));
  });
});
