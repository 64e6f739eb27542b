import { describe, expect, it } from 'vitest';
import { parseNetwork, readNetworkArgv, setNetworkArgv } from './network.ts';

const network = { mode: 'bridge', ports: [], address: '10.0.8.4', prefixLength: 24, dns: [] } as const;

describe('what a guest says of its network', () => {
  it('is read from the output of busybox and of iproute2', () => {
    const network = parseNetwork(
      [
        'device eth0',
        'route default via 10.0.8.1 dev eth0 ',
        'route default dev wg0 scope link',
        'route 10.0.8.0/24 dev eth0 scope link  src 10.0.8.4',
        'dns 10.0.8.2',
        'dns fd00::53',
        'inet6 fe80000000000000505400fffe000001 80',
      ].join('\n'),
    );
    expect(network).toEqual({
      device: 'eth0',
      defaultRoutes: [{ via: '10.0.8.1', device: 'eth0' }, { device: 'wg0' }],
      dns: ['10.0.8.2', 'fd00::53'],
      tentative: [],
      duplicate: [],
    });
  });

  it('tells addresses that are not usable yet from those that another machine has', () => {
    const flags = (each: string) =>
      parseNetwork(`device eth0\ninet6 fd000000000000000000000000000004 ${each}`);
    expect(flags('c0')).toMatchObject({ tentative: ['fd00::4'], duplicate: [] });
    expect(flags('c8')).toMatchObject({ tentative: ['fd00::4'], duplicate: ['fd00::4'] });
    expect(flags('80')).toMatchObject({ tentative: [], duplicate: [] });
  });
});

describe('the scripts', () => {
  it('get every value as an argument of its own', () => {
    const mac = '52:54:00:00:00:01';
    const six = { ...network, address: 'fd00::4', prefixLength: 64, gateway: 'fd00::1', dns: ['fd00::53'] };
    expect(setNetworkArgv(mac, network).slice(4)).toEqual([mac, '-4', '10.0.8.4', '24', '']);
    expect(setNetworkArgv(mac, six).slice(4)).toEqual([mac, '-6', 'fd00::4', '64', 'fd00::1', 'fd00::53']);
    expect(readNetworkArgv(mac, six).slice(4)).toEqual([mac, '-6']);
  });
});
