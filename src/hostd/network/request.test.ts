import { describe, expect, it } from 'vitest';
import type { DesiredNetwork } from '../../host/protocol.ts';
import { canonicalAddress, checkNetwork } from './request.ts';

type Bridged = Extract<DesiredNetwork, { mode: 'bridge' }>;

function network(change: Partial<Bridged>): Bridged {
  return { mode: 'bridge', ports: [], address: '10.0.8.4', prefixLength: 24, dns: [], ...change };
}

describe('checkNetwork', () => {
  const good: readonly Partial<Bridged>[] = [
    {},
    { gateway: '10.0.8.1', dns: ['10.0.8.1', '2001:db8::53'] },
    { prefixLength: 31 },
    { prefixLength: 32 },
    { address: 'fd00::4', prefixLength: 64, gateway: 'fd00::1' },
    { address: 'fd00::4', prefixLength: 64, gateway: 'fe80::1' },
    { address: 'fd00::', prefixLength: 127 },
  ];
  it.each(good)('takes %j', (change) => {
    expect(() => checkNetwork(network(change))).not.toThrow();
  });

  const bad: readonly (readonly [string, Partial<Bridged>])[] = [
    ['address', { address: '10.0.8.0' }],
    ['address', { address: '10.0.8.255' }],
    ['address', { address: '127.0.0.1' }],
    ['address', { address: '224.0.0.1' }],
    ['address', { address: '::', prefixLength: 64 }],
    ['address', { address: '::ffff:10.0.8.4', prefixLength: 96 }],
    ['address', { address: 'fe80::4%eth0', prefixLength: 64 }],
    ['prefixLength', { prefixLength: 33 }],
    ['gateway', { gateway: '10.0.9.1' }],
    ['gateway', { gateway: '10.0.8.4' }],
    ['gateway', { gateway: '10.0.8.255' }],
    ['gateway', { gateway: 'fd00::1' }],
    ['dns/1', { dns: ['10.0.8.1', 'ns.example'] }],
  ];
  it.each(bad)('refuses a wrong %s: %j', (field, change) => {
    expect(() => checkNetwork(network(change))).toThrow(
      expect.objectContaining({ reason: 'InvalidRequest', status: 400, field: `/network/${field}` }),
    );
  });
});

describe('canonicalAddress', () => {
  it('gives equal addresses equal text', () => {
    expect(canonicalAddress('fd00:0:0::0:4')).toBe(canonicalAddress('FD00::4'));
    expect(canonicalAddress('10.0.8.4')).toBe('10.0.8.4');
  });
});
