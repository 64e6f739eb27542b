import { describe, expect, it } from 'vitest';
import { anAppliance, aTemplate } from '../../test/builders/objects.ts';
import { desiredOf } from './describe-vm.ts';

const [disk, kernel, initrd] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));

describe('the request to a host', () => {
  it('is complete, from the objects and their defaults alone', () => {
    const { appliance, layers } = desiredOf(anAppliance(), aTemplate(), undefined);
    expect(appliance).toEqual({
      uuid: 'uid-web-0',
      generation: 1,
      namespace: 'default',
      name: 'web-0',
      powerState: 'Running',
      layer: disk,
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
    const url = 'file:///images/debian.qcow2';
    expect([...layers]).toEqual([[disk, { kind: 'disk', url, template: 'default/debian' }]]);
  });

  it('has the kernel and the initrd as layers, before the VM that boots from them', () => {
    const file = (sha256 = '') => ({ url: 'file:///images/boot', sha256 });
    const boot = { kernel: file(kernel), initrd: file(initrd), commandLine: 'root=/dev/vda' };
    const template = aTemplate({ spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', boot } } });
    const { appliance, layers } = desiredOf(anAppliance(), template, undefined);
    expect(appliance.boot).toEqual({ kind: 'direct', kernel, initrd, commandLine: 'root=/dev/vda' });
    expect([...layers].map(([sha256, { kind }]) => [sha256, kind])).toEqual([
      [disk, 'disk'],
      [kernel, 'boot'],
      [initrd, 'boot'],
    ]);
  });

  it('says how the guest runs under Xen', () => {
    const xen = { type: 'PVH', bootLoader: 'PvGrub' } as const;
    const template = aTemplate({ spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', xen } } });
    expect(desiredOf(anAppliance(), template, undefined).appliance.xen).toEqual(xen);
    expect(desiredOf(anAppliance(), aTemplate(), undefined).appliance.xen).toBeUndefined();
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
      aTemplate(),
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
    expect(desiredOf(appliance, aTemplate(), undefined, given).appliance.network).toEqual({
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
    const { appliance } = desiredOf(anAppliance({ metadata: { name } }), aTemplate(), undefined);
    const { hostname } = appliance.service.parameters;
    expect(hostname).toHaveLength(63);
    expect(hostname).toMatch(/^a+-b+-17$/);
  });

  it('is refused when the guest cannot boot with so little memory', () => {
    const guest = { os: 'linux', agent: 'qemu-guest-agent', minimumMemory: '512Mi' } as const;
    expect(() => desiredOf(anAppliance(), aTemplate({ spec: { guest } }), undefined)).toThrow(
      expect.objectContaining({ name: 'StalledError', reason: 'MemoryBelowMinimum' }),
    );
  });

  it('is refused for a template without an image', () => {
    const source = { parent: { name: 'base' } };
    expect(() => desiredOf(anAppliance(), aTemplate({ spec: { source } }), undefined)).toThrow(
      expect.objectContaining({ name: 'StalledError', reason: 'NotSupportedYet' }),
    );
  });
});
