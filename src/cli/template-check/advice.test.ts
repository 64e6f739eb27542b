import { expect, it } from 'vitest';
import { adviceOn } from './advice.ts';
import type { DiskFacts } from './report.ts';

const sound: DiskFacts = {
  format: 'qcow2',
  virtualBytes: 1,
  volumes: [],
  firmware: ['bios'],
  system: { name: 'Debian', agent: '/usr/sbin/qemu-ga' },
};

const cases: readonly (readonly [
  what: string,
  Partial<DiskFacts>,
  level: string,
  reason: string,
  says: RegExp,
])[] = [
  ['that nothing boots', { firmware: [] }, 'warning', 'NothingToBoot', /guest\.boot/],
  ['that only UEFI boots', { firmware: ['uefi'] }, 'note', 'UefiOnly', /ovmf.*BOOTX64/],
  ['without an agent', { system: { name: 'Debian' } }, 'error', 'NoAgent', /virt-customize/],
  [
    'without an agent, and with cloud-init',
    { system: { name: 'Debian', cloudInit: '/usr/bin/cloud-init' } },
    'warning',
    'NoAgent',
    /cloud-init.*virt-customize/,
  ],
  [
    'whose agent may be limited',
    { system: { agent: '/usr/bin/qemu-ga', agentSettings: '/etc/sysconfig/qemu-ga' } },
    'warning',
    'AgentMayBeLimited',
    /^\/etc\/sysconfig\/qemu-ga .*guest-exec/,
  ],
];

it('has nothing to say of an image that has all', () => {
  expect(adviceOn(sound)).toEqual([]);
  expect(adviceOn({ ...sound, firmware: ['bios', 'uefi'] })).toEqual([]);
});

it.each(cases)('says of an image %s what to do', (_, change, level, reason, says) => {
  expect(adviceOn({ ...sound, ...change })).toEqual([
    { level, reason, message: expect.stringMatching(says) },
  ]);
});

it('says that it could not look into an image, and why', () => {
  const { system: _, ...closed } = sound;
  const [note] = adviceOn({ ...closed, notLooked: 'debugfs is not installed' });
  expect(note).toMatchObject({
    level: 'warning',
    reason: 'NotLookedInto',
    message: expect.stringContaining('debugfs'),
  });
});
