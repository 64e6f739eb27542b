import { expect, it } from 'vitest';
import type { Files } from './ext-files.ts';
import { parseOsRelease, systemOn } from './system.ts';

const filesOf = (content: Readonly<Record<string, string>>): Files => ({
  read: async (path) => content[path],
  has: async (path) => content[path] !== undefined,
});

it('tells a system by its files', async () => {
  const debian = filesOf({
    '/usr/lib/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
    '/usr/sbin/qemu-ga': '',
    '/usr/bin/cloud-init': '',
  });
  expect(await systemOn(debian)).toEqual({
    name: 'Debian GNU/Linux 12 (bookworm)',
    id: 'debian',
    version: '12',
    agent: '/usr/sbin/qemu-ga',
    cloudInit: '/usr/bin/cloud-init',
  });
  const alpine = filesOf({ '/etc/os-release': "NAME='Alpine Linux'\nID=alpine\n", '/usr/bin/qemu-ga': '' });
  expect(await systemOn(alpine)).toEqual({ name: 'Alpine Linux', id: 'alpine', agent: '/usr/bin/qemu-ga' });
  expect(await systemOn(filesOf({ '/vmlinuz': '' }))).toEqual({});
});

it('takes from a hostile file no more than a short line without control characters', () => {
  const { name = '', id } = parseOsRelease(
    `PRETTY_NAME="\u001b[2J${'x'.repeat(5000)}"\nID=\u202eevil\u0000\n`,
  );
  expect(name).toMatch(/^\[2Jx+…$/);
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
  expect(id).toBe('evil');
});
