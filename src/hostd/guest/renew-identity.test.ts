import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Guest } from './guest.ts';
import { renewIdentity } from './renew-identity.ts';

/** Makes a key as ssh-keygen does, with the arguments that it is called with: -q -t TYPE -N '' -f FILE. */
const KEYGEN =
  '#!/bin/sh\nread -r id </proc/sys/kernel/random/uuid\necho "$3 $id" >"$7"\necho "public $id" >"$7.pub"\n';
const never = new AbortController().signal;

describe('making a guest another machine', () => {
  let root: string;

  /** The files of this guest are below `root`; it is this machine's shell that runs its programs. */
  const guest = {
    exec: async ([shell = '', ...args]: readonly string[]) => {
      const here = args.map((word) =>
        word
          .replaceAll(/(?<![\w$}])\/(etc|var)\//g, `${root}/$1/`)
          .replaceAll(/\/run\/systemd/g, `${root}/run/systemd`),
      );
      const env = { PATH: `${root}/bin:${process.env.PATH}` };
      const { status, stdout, stderr } = spawnSync(shell, here, { encoding: 'utf8', env });
      return { exitCode: status ?? -1, stdout, stderr };
    },
  } as unknown as Guest;
  const write = (path: string, text: string, mode = 0o600) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode });
  };
  const read = (path: string) => readFileSync(join(root, path), 'utf8');

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'coppice-identity-'));
    write('bin/ssh-keygen', KEYGEN, 0o755);
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('gives it an id and keys of its own, each time others', async () => {
    write('etc/machine-id', 'old\n');
    write('var/lib/dbus/machine-id', 'old\n');
    write('etc/ssh/ssh_host_ed25519_key', 'old\n');
    write('etc/ssh/ssh_host_ed25519_key.pub', 'old\n');
    write('var/lib/systemd/random-seed', 'seed');
    write('var/lib/dhcp/dhclient.eth0.leases', 'lease');
    await renewIdentity(guest, never);
    const first = read('etc/machine-id');
    expect(first).toMatch(/^[0-9a-f]{32}\n$/);
    expect(read('var/lib/dbus/machine-id')).toBe(first);
    expect(read('etc/ssh/ssh_host_ed25519_key')).toMatch(/^ed25519 /);
    expect(read('etc/ssh/ssh_host_ed25519_key.pub')).toMatch(/^public /);
    for (const gone of ['var/lib/systemd/random-seed', 'var/lib/dhcp/dhclient.eth0.leases'])
      expect(existsSync(join(root, gone)), gone).toBe(false);
    await renewIdentity(guest, never);
    expect(read('etc/machine-id')).not.toBe(first);
  });

  it('leaves what leads to another file, and gives it nothing that it did not have', async () => {
    write('etc/machine-id', 'old\n');
    mkdirSync(join(root, 'var/lib/dbus'), { recursive: true });
    symlinkSync('../../../etc/machine-id', join(root, 'var/lib/dbus/machine-id'));
    await renewIdentity(guest, never);
    expect(read('var/lib/dbus/machine-id')).toBe(read('etc/machine-id'));
    expect(existsSync(join(root, 'etc/ssh'))).toBe(false);
  });

  it('is done where there is nothing to do', async () => {
    await expect(renewIdentity(guest, never)).resolves.toBeUndefined();
  });

  it('says what failed, and keeps the key that there was', async () => {
    write('etc/ssh/ssh_host_rsa_key', 'old\n');
    write('bin/ssh-keygen', '#!/bin/sh\necho "no room" >&2\nexit 3\n', 0o755);
    await expect(renewIdentity(guest, never)).rejects.toMatchObject({
      reason: 'GuestCommandFailed',
      message: expect.stringContaining('no room'),
    });
    expect(read('etc/ssh/ssh_host_rsa_key')).toBe('old\n');
  });
});
