import { describe, expect, it } from 'vitest';
import type { VmSpec } from '../vm.ts';
import { domainConfiguration, quoted } from './configuration.ts';

const surroundings = {
  sockets: { agent: '/run/coppice/xen/u.agent', unused: '/run/coppice/xen/u.none' },
  grub: { PV: '/grub/pv.bin', PVH: '/grub/pvh.bin' },
};

const vm: VmSpec = {
  uuid: '00000000-0000-4000-8000-000000000001',
  domain: 'default.web-0.00000000',
  directory: '/state/u',
  vcpus: 2,
  memoryBytes: 160.5 * 1024 * 1024,
  disk: { path: '/state/u, the "second"/disk.qcow2', format: 'qcow2' },
  boot: { kind: 'direct', kernel: '/l/kernel', initrd: '/l/initrd', commandLine: 'console=hvc0 a="b c"' },
  network: { mode: 'bridge', mac: '00:16:3e:01:02:03', bridge: 'br0' },
};

const linesOf = (change: Partial<VmSpec>) =>
  domainConfiguration({ ...vm, ...change }, surroundings).split('\n');

describe('the configuration of a domain', () => {
  it('is readable by xl and by people', () => {
    expect(domainConfiguration(vm, surroundings)).toMatchInlineSnapshot(`
      "# Written by Coppice at every start of this VM: change the appliance, not this file.
      name = "default.web-0.00000000"
      uuid = "00000000-0000-4000-8000-000000000001"
      type = "pv"
      kernel = "/l/kernel"
      ramdisk = "/l/initrd"
      cmdline = "console=hvc0 a=\\"b c\\""
      # Equal, so that the guest is never ballooned.
      memory = 160
      maxmem = 160
      vcpus = 2
      disk = ["format=qcow2,vdev=xvda,access=rw,target=/state/u, the \\"second\\"/disk.qcow2"]
      vif = ["mac=00:16:3e:01:02:03,bridge=br0,type=vif"]
      # xl up to 4.17 gives the first channel the number of the primary console and loses it: the second is the agent.
      channel = ["connection=socket,path=/run/coppice/xen/u.none,name=none",
                 "connection=socket,path=/run/coppice/xen/u.agent,name=org.qemu.guest_agent.0"]
      # An ended domain is kept until the daemon has seen how it ended; the daemon starts the VM again.
      on_poweroff = "preserve"
      on_reboot = "preserve"
      on_crash = "preserve"
      "
    `);
  });

  it('has a second disk behind the first', () => {
    const dataDisk = { path: '/state/u/data.qcow2', format: 'qcow2' } as const;
    expect(domainConfiguration({ ...vm, dataDisk }, surroundings)).toContain(
      'disk.qcow2",\n        "format=qcow2,vdev=xvdb,access=rw,target=/state/u/data.qcow2"]',
    );
  });

  it('has the seed as a further disk that the guest only reads', () => {
    expect(domainConfiguration({ ...vm, seed: '/state/u/seed, "1".iso' }, surroundings)).toContain(
      'disk = ["format=qcow2,vdev=xvda,access=rw,target=/state/u, the \\"second\\"/disk.qcow2",\n' +
        '        "format=raw,vdev=xvdz,access=ro,target=/state/u/seed, \\"1\\".iso"]\n',
    );
  });

  const firmware = { boot: { kind: 'firmware' } } as const;

  it('has a CD in the drive of an HVM guest, and starts from it what the disk does not', () => {
    const lines = linesOf({ ...firmware, cd: '/l/cd/blob' });
    expect(lines).toContain('boot = "cd"');
    expect(lines.join('\n')).toContain(
      'disk.qcow2",\n        "format=raw,vdev=hdc,devtype=cdrom,access=ro,target=/l/cd/blob"]',
    );
    expect(linesOf(firmware)).toContain('boot = "c"');
  });

  it.each([
    ['PV with a kernel', {}, 'type = "pv"', 'kernel = "/l/kernel"'],
    [
      'PVH with a kernel',
      { xen: { type: 'PVH' } },
      'type = "pvh"',
      'tsc_mode = "native"',
      'kernel = "/l/kernel"',
    ],
    ['HVM without', firmware, 'type = "hvm"', 'serial = "pty"'],
    [
      'PV by its own GRUB',
      { ...firmware, xen: { bootLoader: 'PvGrub' } },
      'type = "pv"',
      'kernel = "/grub/pv.bin"',
    ],
    [
      'PVH by its own GRUB',
      { ...firmware, xen: { type: 'PVH', bootLoader: 'PvGrub' } },
      'type = "pvh"',
      'kernel = "/grub/pvh.bin"',
    ],
    ['PV by pygrub', { ...firmware, xen: { bootLoader: 'PyGrub' } }, 'type = "pv"', 'bootloader = "pygrub"'],
  ] as const)('boots %s', (_name, change, ...expected) => {
    expect(linesOf(change)).toEqual(expect.arrayContaining([...expected]));
  });

  it('has no kernel for firmware, and no ramdisk for a guest without initrd', () => {
    expect(linesOf(firmware).filter((line) => /^(kernel|ramdisk|cmdline|bootloader)/.test(line))).toEqual([]);
    const boot = { kind: 'direct', kernel: '/l/kernel', commandLine: '' } as const;
    expect(linesOf({ boot }).filter((line) => line.startsWith('ramdisk'))).toEqual([]);
  });
});

describe('a quoted string', () => {
  it('is what xl reads', () => {
    expect(quoted('a "b" \\c\'d, é')).toBe('"a \\"b\\" \\\\c\'d, é"');
  });

  it('has no character that could end the line', () => {
    expect(() => quoted('a\nname = "b"')).toThrow('cannot stand in a domain');
    expect(() => quoted('a\u0000')).toThrow();
  });
});
