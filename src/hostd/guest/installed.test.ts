import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TELL_UUIDS } from './installed.ts';

const BOOT = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const SMBIOS = '00112233-4455-6677-8899-aabbccddeeff';
const OWN = '9f8b1c52-0f0e-4a53-9c65-0d5a0b4b7d11';

describe('the uuids that a guest tells', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'coppice-uuids-'));
    mkdirSync(join(root, 'etc/coppice'), { recursive: true });
    mkdirSync(join(root, 'sys/class/dmi/id'), { recursive: true });
    writeFileSync(join(root, 'sys/class/dmi/id/product_uuid'), `${SMBIOS}\n`);
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it.each([
    ['SMBIOS’, without another identity', undefined, SMBIOS],
    [
      'its own, in the boot in which it became a machine of its own',
      `uuid=${OWN}\nfrom=x\nboot=${BOOT}\n`,
      OWN,
    ],
    ['SMBIOS’, in a later boot', `uuid=${OWN}\nboot=${SMBIOS}\n`, SMBIOS],
    ['SMBIOS’, beside half a file', `uuid=${OWN}\n`, SMBIOS],
    ['SMBIOS’, beside a file that is not ours', 'hello\n=\n\n', SMBIOS],
  ])('are %s', (_, identity, uuid) => {
    if (identity !== undefined) writeFileSync(join(root, 'etc/coppice/identity'), identity);
    const script = TELL_UUIDS.replaceAll(/\/(etc|sys)\//g, `${root}/$1/`).replaceAll(
      `/proc${root}/sys/`,
      '/proc/sys/',
    );
    const { stdout, stderr } = spawnSync('/bin/sh', ['-euc', script], { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual([`${BOOT} ${uuid}\n`, '']);
  });
});
