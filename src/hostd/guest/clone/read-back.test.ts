import { describe, expect, it } from 'vitest';
import { faultsIn, linkLocalOf } from './read-back.ts';
import type { CloneIdentity } from './types.ts';

const uuid = '6f0d1c2b-0000-4000-8000-00000000abcd';
const clone: CloneIdentity = {
  uuid,
  from: { uuid: '5a5a5a5a-0000-4000-8000-000000000001', mac: '52:54:00:00:00:01' },
  hostname: 'web-1',
  mac: '52:54:00:00:00:02',
  network: { mode: 'user' },
  onClone: { kind: 'Hook' },
};
const NOW = 1_800_000_000_000;
const LINES = {
  hostname: 'web-1',
  'hostname-file': 'web-1',
  'machine-id': uuid.replaceAll('-', ''),
  'dbus-id': uuid.replaceAll('-', ''),
  boot: 'boot',
  instance: uuid,
  'instance-folder': `/var/lib/cloud/instances/${uuid}`,
  mac: clone.mac,
  reseeded: 'yes',
  taking: uuid,
  'identity-uuid': uuid,
  'identity-boot': 'boot',
  time: `${NOW / 1000}`,
};
const card = { name: 'eth0', mac: clone.mac, addresses: [{ address: '10.0.2.15', prefixLength: 24 }] };

/** `undefined`: the guest says nothing of it. */
function faults(change: Readonly<Record<string, string | undefined>> = {}, interfaces = [card]) {
  const output = Object.entries({ ...LINES, ...change })
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${value}`]))
    .join('\n');
  return faultsIn(clone, { output, interfaces, asked: NOW - 50, answered: NOW + 50 });
}

describe('what a clone says of itself', () => {
  it('is its own', () => {
    expect(faults()).toEqual([]);
  });

  it.each(['machine-id', 'dbus-id', 'instance', 'instance-folder'])(
    'may lack %s, which not every guest has',
    (key) => {
      expect(faults({ [key]: undefined })).toEqual([]);
    },
  );

  it.each([
    ['random', 'reseeded', undefined],
    ['random', 'shared', '/var/lib/systemd/random-seed'],
    ['ssh', 'shared', '/etc/ssh/ssh_host_rsa_key'],
    ['hostname', 'hostname', 'web-0'],
    ['hostname', 'hostname', undefined],
    ['hostname', 'hostname-file', 'web-0'],
    ['machine-id', 'machine-id', '0123'],
    ['machine-id', 'dbus-id', '0123'],
    ['cloud-init', 'instance', 'iid-0'],
    ['cloud-init', 'instance-folder', '/var/lib/cloud/instances/iid-0'],
    ['mac', 'mac', '52:54:00:00:00:03'],
    ['mac', 'mac', undefined],
    ['identity', 'identity-uuid', clone.from.uuid],
    ['identity', 'identity-boot', 'an earlier one'],
    ['identity', 'taking', undefined],
    ['clock', 'time', '1000000000'],
    ['clock', 'time', `${NOW / 1000 - 4}`],
    ['clock', 'time', `${NOW / 1000 + 4}`],
    ['clock', 'time', undefined],
  ])('names the part %s when its %s is %s', (part, key, value) => {
    expect(faults({ [key]: value }).map((fault) => fault.part)).toEqual([part]);
  });

  it('is not taken from one witness alone, nor while a second card is another machine’s', () => {
    expect(faults({}, [{ ...card, mac: clone.from.mac }])).toMatchObject([{ part: 'mac' }]);
    const other = { name: 'eth1', mac: clone.from.mac, addresses: [] };
    expect(faults({}, [card, other])).toMatchObject([{ part: 'mac', why: expect.stringContaining('00:01') }]);
  });

  it('shows when the link-local address is still that of the old MAC address', () => {
    const addresses = [{ address: 'fe80::5054:ff:fe00:1', prefixLength: 64 }];
    expect(linkLocalOf(clone.from.mac)).toBe('fe80::5054:ff:fe00:1');
    expect(faults({}, [{ ...card, addresses }])).toMatchObject([{ part: 'mac' }]);
  });
});
