import { describe, expect, it } from 'vitest';
import type { VmSpec } from '../vm.ts';
import { type Machine, qemuArguments } from './command-line.ts';

const emulated: Machine = { accelerator: 'tcg', sandbox: true };

function spec(change: Partial<VmSpec> = {}): VmSpec {
  return {
    uuid: '6a0ef1b5-94a1-4d3b-8f3d-0a5b0f8a3c11',
    domain: 'shop.web-0.6a0ef1b5',
    directory: '/state/appliances/6a0ef1b5',
    vcpus: 2,
    memoryBytes: 128 * 1024 * 1024 + 1,
    disk: { path: '/state, with a comma/disk.qcow2', format: 'qcow2' },
    boot: { kind: 'direct', kernel: '/layers/k', initrd: '/layers/i', commandLine: 'console=ttyS0 quiet' },
    network: {
      mode: 'user',
      mac: '52:54:00:00:00:01',
      forwards: [
        { address: '127.0.0.1', hostPort: 20080, guestPort: 80 },
        { address: '127.0.0.1', hostPort: 20022, guestPort: 22 },
      ],
    },
    ...change,
  };
}

/** The words after each use of an option. */
function optionsIn(argv: readonly string[], option: string): string[] {
  return argv.flatMap((word, at) => (word === option ? [argv[at + 1] ?? ''] : []));
}

describe('qemuArguments', () => {
  it('gives the VM its identity, size and boot files', () => {
    const argv = qemuArguments(spec(), emulated);
    expect(optionsIn(argv, '-uuid')).toEqual(['6a0ef1b5-94a1-4d3b-8f3d-0a5b0f8a3c11']);
    expect(optionsIn(argv, '-name')[0]).toContain('guest=shop.web-0.6a0ef1b5');
    expect(optionsIn(argv, '-m')).toEqual(['size=129M']);
    expect(optionsIn(argv, '-smp')).toEqual(['cpus=2']);
    expect(optionsIn(argv, '-kernel')).toEqual(['/layers/k']);
    expect(optionsIn(argv, '-initrd')).toEqual(['/layers/i']);
    expect(optionsIn(argv, '-append')).toEqual(['console=ttyS0 quiet']);
  });

  it('names the disk so that no character of its path is read as an option, and pauses on disk errors', () => {
    const argv = qemuArguments(spec(), emulated);
    const [node = ''] = optionsIn(argv, '-blockdev');
    expect(JSON.parse(node)).toMatchObject({
      driver: 'qcow2',
      discard: 'unmap',
      file: { filename: '/state, with a comma/disk.qcow2' },
    });
    expect(argv).toContain('virtio-blk-pci,id=disk,drive=disk,werror=stop,rerror=stop');
  });

  it('names what the disk stands on, so that no header of a file does', () => {
    const disk = { path: '/state/disk.qcow2', format: 'qcow2', layers: ['/layers/b', '/layers/a'] } as const;
    const nodeOf = (change: Partial<VmSpec>) =>
      JSON.parse(optionsIn(qemuArguments(spec(change), emulated), '-blockdev')[0] ?? '') as object;
    const layer = (filename: string, backing: object | null) => {
      const file = { driver: 'file', filename };
      return { driver: 'qcow2', 'read-only': true, file, backing };
    };
    expect(nodeOf({ disk })).toMatchObject({ backing: layer('/layers/b', layer('/layers/a', null)) });
    expect(nodeOf({ disk: { ...disk, layers: [] } })).toMatchObject({ backing: null });
  });

  it('has the seed as a read-only disk behind all other devices, whose places stay', () => {
    const devices = optionsIn(qemuArguments(spec(), emulated), '-device');
    const argv = qemuArguments(spec({ seed: '/state, with a comma/seed.iso' }), emulated);
    expect(optionsIn(argv, '-device')).toEqual([...devices, 'virtio-blk-pci,id=seed,drive=seed']);
    expect(JSON.parse(optionsIn(argv, '-blockdev')[1] ?? '')).toEqual({
      driver: 'raw',
      'node-name': 'seed',
      'read-only': true,
      file: { driver: 'file', filename: '/state, with a comma/seed.iso' },
    });
  });

  it('forwards each port from the requested address', () => {
    const [, ...forwards] = (optionsIn(qemuArguments(spec(), emulated), '-netdev')[0] ?? '').split(
      /,(?=hostfwd)/,
    );
    expect(forwards).toEqual(['hostfwd=tcp:127.0.0.1:20080-:80', 'hostfwd=tcp:127.0.0.1:20022-:22']);
  });

  it('connects a VM to its tap on a bridge, with the bridge’s MTU', () => {
    const network = { mode: 'bridge', mac: '52:54:00:00:00:01', bridge: 'br0' } as const;
    const argv = qemuArguments(spec({ network }), emulated, { mtu: 9000 });
    const [tap = ''] = optionsIn(argv, '-netdev');
    expect(tap).toMatch(/^tap,id=net,ifname=cop-[0-9a-f]{11},script=no,downscript=no$/);
    expect(argv).toContain('virtio-net-pci,netdev=net,mac=52:54:00:00:00:01,romfile=,host_mtu=9000');
    expect(optionsIn(qemuArguments(spec({ network, uuid: 'another' }), emulated), '-netdev')).not.toEqual([
      tap,
    ]);
  });

  it('keeps sockets and logs in the folder in which QEMU runs', () => {
    const places = qemuArguments(spec(), emulated).flatMap((word) => /path=([^,]*)/.exec(word)?.[1] ?? []);
    expect(places).toHaveLength(3);
    expect(places.filter((place) => place.includes('/'))).toEqual([]);
  });

  it('boots with firmware from the disk’s own boot loader', () => {
    const argv = qemuArguments(spec({ boot: { kind: 'firmware' } }), emulated);
    expect(optionsIn(argv, '-kernel')).toEqual([]);
    expect(optionsIn(argv, '-append')).toEqual([]);
    expect(optionsIn(argv, '-M')).toEqual(['pc']);
    expect(argv).toContain('virtio-blk-pci,bootindex=0,id=disk,drive=disk,werror=stop,rerror=stop');
  });

  it('boots by UEFI, whose code nobody can write, with variables of its own in its folder', () => {
    const vm = spec({ boot: { kind: 'firmware', firmware: 'uefi' } });
    const argv = qemuArguments(vm, emulated, { uefiCode: '/usr/share/OVMF/OVMF_CODE_4M.fd' });
    const nodes = optionsIn(argv, '-blockdev').map((node) => JSON.parse(node) as Record<string, unknown>);
    expect(nodes.find((node) => node['node-name'] === 'uefi-code')).toMatchObject({
      filename: '/usr/share/OVMF/OVMF_CODE_4M.fd',
      'read-only': true,
    });
    expect(nodes.find((node) => node['node-name'] === 'uefi-variables')).toEqual({
      driver: 'file',
      'node-name': 'uefi-variables',
      filename: 'efi-variables.fd',
    });
    expect(optionsIn(argv, '-M')).toEqual(['pc,pflash0=uefi-code,pflash1=uefi-variables']);
  });

  it('gives a second disk a serial number, and never boots it', () => {
    const dataDisk = { path: '/state/data.qcow2', format: 'qcow2' } as const;
    const devices = (change: Partial<VmSpec>) =>
      optionsIn(qemuArguments(spec({ dataDisk, ...change }), emulated), '-device').filter((device) =>
        /drive=|virtio-scsi/.test(device),
      );
    const rest = 'werror=stop,rerror=stop';
    expect(devices({})).toEqual([
      `virtio-blk-pci,id=disk,drive=disk,${rest}`,
      `virtio-blk-pci,serial=coppice-data,id=data,drive=data,${rest}`,
    ]);
    expect(devices({ diskBus: 'scsi', boot: { kind: 'firmware' } })).toEqual([
      'virtio-scsi-pci,id=scsi',
      `scsi-hd,bus=scsi.0,bootindex=0,id=disk,drive=disk,${rest}`,
      `scsi-hd,bus=scsi.0,serial=coppice-data,id=data,drive=data,${rest}`,
    ]);
  });

  it('has a CD, which nobody can write, in a drive that the firmware tries after the disk', () => {
    const devices = (change: Partial<VmSpec>) =>
      optionsIn(qemuArguments(spec({ cd: '/l/cd, 1/blob', ...change }), emulated), '-device').filter(
        (device) => device.includes('id=cd'),
      );
    expect(devices({})).toEqual(['ide-cd,bus=ide.1,id=cd,drive=cd']);
    expect(devices({ diskBus: 'scsi' })).toEqual(['scsi-cd,bus=scsi.0,id=cd,drive=cd']);
    expect(devices({ boot: { kind: 'firmware' } })).toEqual(['ide-cd,bus=ide.1,id=cd,drive=cd,bootindex=1']);
    const nodes = optionsIn(qemuArguments(spec({ cd: '/l/cd, 1/blob' }), emulated), '-blockdev');
    expect(nodes.map((node) => JSON.parse(node) as unknown)).toContainEqual({
      driver: 'raw',
      'node-name': 'cd',
      'read-only': true,
      file: { driver: 'file', filename: '/l/cd, 1/blob' },
    });
  });

  it('has memory that can be saved in a file without a name, and devices of a named version of the machine', () => {
    const around = { machineType: 'pc-i440fx-7.2' };
    const argv = qemuArguments(spec({ capturable: true }), emulated, around);
    expect(optionsIn(argv, '-M')).toEqual(['pc-i440fx-7.2,memory-backend=pc.ram']);
    expect(JSON.parse(optionsIn(argv, '-object')[0] ?? '')).toEqual({
      'qom-type': 'memory-backend-memfd',
      id: 'pc.ram',
      size: 129 * 1024 * 1024,
      share: true,
    });
    expect(argv).not.toContain('-incoming');
    const other = qemuArguments(spec(), emulated, around);
    expect(optionsIn(other, '-M')).toEqual(['pc']);
    expect(other).not.toContain('-object');
  });

  it('maps a checkpoint’s memory for itself alone, and does not run before its state is there', () => {
    const memoryOf = (canBeReadOnly: boolean) => {
      const restored = { file: '/state, with a comma/memory', canBeReadOnly };
      const argv = qemuArguments(spec(), emulated, { machineType: 'pc-i440fx-7.2', restored });
      expect(optionsIn(argv, '-M')).toEqual(['pc-i440fx-7.2,memory-backend=pc.ram']);
      expect(argv.slice(-3)).toEqual(['-incoming', 'defer', '-S']);
      return JSON.parse(optionsIn(argv, '-object')[0] ?? '') as unknown;
    };
    const mapped = {
      'qom-type': 'memory-backend-file',
      id: 'pc.ram',
      size: 129 * 1024 * 1024,
      'mem-path': '/state, with a comma/memory',
      share: false,
    };
    expect(memoryOf(false)).toEqual(mapped);
    expect(memoryOf(true)).toEqual({ ...mapped, readonly: true, rom: 'off' });
  });

  it('uses the accelerator and the sandbox that were found to work', () => {
    const fast = qemuArguments(spec(), { accelerator: 'kvm', sandbox: false });
    expect(optionsIn(fast, '-accel')).toEqual(['kvm']);
    expect(optionsIn(fast, '-cpu')).toEqual(['host']);
    expect(fast).not.toContain('-sandbox');
    const slow = qemuArguments(spec(), emulated);
    expect(optionsIn(slow, '-accel')[0]).toMatch(/^tcg/);
    expect(slow).toContain('-sandbox');
  });

  it('has more room for translated code where the guest has more memory, within bounds', () => {
    const roomFor = (mebibytes: number) =>
      optionsIn(qemuArguments({ ...spec(), memoryBytes: mebibytes * 1024 * 1024 }, emulated), '-accel');
    const sizes = [64, 128, 512, 4096];
    expect(sizes.flatMap(roomFor)).toEqual([32, 32, 128, 256].map((size) => `tcg,tb-size=${size}`));
  });
});
