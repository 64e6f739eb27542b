import { describe, expect, it } from 'vitest';
import { fillerArguments } from './filler-arguments.ts';

const parts = { memory: '/fork, of one/memory', machineType: 'pc-i440fx-7.2', bytes: { disk: 4096 } };
const filler = (...more: string[]) => fillerArguments(['-m', 'size=128M', ...more], parts);

describe('fillerArguments', () => {
  it('has the memory in the file of the fork, and waits for a state with which it never runs', () => {
    const argv = filler('-no-user-config', '-M', 'pc', '-incoming', 'defer', '-S', '-uuid', 'of the source');
    expect(argv.slice(0, 7)).toEqual([
      ...['-m', 'size=128M', '-no-user-config'],
      ...['-M', 'pc-i440fx-7.2,memory-backend=pc.ram', '-uuid', 'of the source'],
    ]);
    expect(JSON.parse(argv[8] ?? '')).toEqual({
      'qom-type': 'memory-backend-file',
      id: 'pc.ram',
      size: 128 * 1024 * 1024,
      share: true,
      'mem-path': '/fork, of one/memory',
    });
    expect(argv.slice(9)).toEqual(['-incoming', 'defer', '-S']);
  });

  it('replaces the memory of a source that has a name for it, and keeps what firmware the machine has', () => {
    const argv = filler(
      '-M',
      'pc-i440fx-7.1,pflash0=uefi-code,memory-backend=pc.ram',
      '-object',
      '{"id":"pc.ram"}',
    );
    expect(argv).toContain('pc-i440fx-7.2,pflash0=uefi-code,memory-backend=pc.ram');
    expect(argv.filter((word) => word === '-object')).toHaveLength(1);
  });

  it('opens nothing that the source writes to', () => {
    const disk = { driver: 'qcow2', 'node-name': 'disk', file: { driver: 'file', filename: '/disk' } };
    const cd = JSON.stringify({ driver: 'raw', 'node-name': 'cd', 'read-only': true });
    const argv = filler('-blockdev', JSON.stringify(disk), '-blockdev', cd);
    expect(JSON.parse(argv[3] ?? '')).toEqual({
      driver: 'null-co',
      'node-name': 'disk',
      size: 4096,
      'read-zeroes': true,
    });
    expect(argv[5]).toBe(cd);
  });

  it('takes no port and no interface of the host', () => {
    const user = 'user,id=net,ipv6=off';
    expect(filler('-netdev', `${user},hostfwd=tcp:127.0.0.1:80-:80`)).toContain(user);
    expect(filler('-netdev', 'tap,id=net,ifname=vm1,script=no,downscript=no')).toContain(
      'tap,id=net,script=no,downscript=no',
    );
  });

  it('takes values for values, whatever they begin with', () => {
    expect(filler('-append', '-S', '-nodefaults')).toEqual(
      expect.arrayContaining(['-append', '-S', '-nodefaults']),
    );
  });

  it('refuses arguments that are not those of this driver', () => {
    expect(() => fillerArguments(['-m', '128'], parts)).toThrow('names no size of memory');
  });
});
