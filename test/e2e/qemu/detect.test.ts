import { constants } from 'node:fs';
import { access, appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDriver } from './scene.ts';

const arrived = 33;

/** Whether this machine lets us try KVM at all. */
async function hasKvm(): Promise<boolean> {
  return access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}

describe('finding out what QEMU can do on this host', () => {
  let folder: string;
  let binary: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-detect-'));
    binary = join(folder, 'qemu-system-x86_64');
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A program in QEMU's place that says its version, notes each trial guest, and runs it as `script` says. */
  async function install(script: string): Promise<void> {
    const text = `#!/bin/sh
[ "$1" = --version ] && { echo 'QEMU emulator version 9.9.1 (made up)'; exit; }
echo "$*" >>'${folder}/trials'
${script}
`;
    await writeFile(binary, text, { mode: 0o755 });
  }

  const driver = () => createDriver(folder, { binary });
  const trials = async () => (await readFile(join(folder, 'trials'), 'utf8')).trim().split('\n').length;

  it('takes KVM when a guest runs under it', async () => {
    await install(`exit ${arrived}`);
    const info = await driver().probe();
    expect(info).toMatchObject({
      name: 'qemu',
      version: '9.9.1',
      accelerator: (await hasKvm()) ? 'kvm' : 'tcg',
    });
    if (await hasKvm()) expect(info).not.toHaveProperty('acceleratorReason');
    else expect(info.acceleratorReason).toContain('/dev/kvm cannot be used');
  });

  it('takes emulation, and says in QEMU’s words why, when no guest runs under KVM', async () => {
    await install(
      `case "$*" in *'accel kvm'*) echo 'qemu: failed to set MSR' >&2; exit 134;; esac; exit ${arrived}`,
    );
    const { accelerator, acceleratorReason } = await driver().probe();
    expect(accelerator).toBe('tcg');
    expect(acceleratorReason).toContain((await hasKvm()) ? 'failed to set MSR' : '/dev/kvm cannot be used');
  });

  it('takes emulation where KVM carries out each instruction by itself', async () => {
    await install(`case "$*" in *'accel kvm'*) exit 97;; esac; exit ${arrived}`);
    const { accelerator, acceleratorReason } = await driver().probe();
    expect(accelerator).toBe('tcg');
    expect(acceleratorReason).toContain(
      (await hasKvm()) ? 'far slower than emulation' : '/dev/kvm cannot be used',
    );
  });

  it('does without the sandbox where there is none', async () => {
    await install(
      `case "$*" in *-sandbox*) echo 'qemu: -sandbox is not enabled' >&2; exit 1;; esac; exit ${arrived}`,
    );
    expect((await driver().probe()).problem).toBeUndefined();
    expect(JSON.parse(await readFile(join(folder, 'driver/hypervisor.json'), 'utf8'))).toMatchObject({
      found: { sandbox: false },
    });
  });

  it('says in QEMU’s words that no guest runs at all, and tries again when another QEMU is there', async () => {
    await install("echo 'qemu: cannot load library' >&2; exit 127");
    expect((await driver().probe()).problem).toMatchObject({
      reason: 'HypervisorBroken',
      message: expect.stringContaining('cannot load library'),
    });
    await install(`exit ${arrived}`);
    expect((await driver().probe()).problem).toBeUndefined();
  });

  it('boots trial guests once, not for each question, and again for another QEMU', async () => {
    await install(`exit ${arrived}`);
    const first = driver();
    const infos = await Promise.all([first.probe(), first.probe()]);
    expect(infos[0]).toEqual(infos[1]);
    const before = await trials();
    expect(await driver().probe()).toEqual(infos[0]);
    expect(await trials()).toBe(before);
    await appendFile(binary, '# changed\n');
    await driver().probe();
    expect(await trials()).toBe(before * 2);
    await writeFile(join(folder, 'driver/hypervisor.json'), 'no JSON');
    await driver().probe();
    expect(await trials()).toBe(before * 3);
  });
});
