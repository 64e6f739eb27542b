import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDriver, noQemu } from './qemu/scene.ts';

/** Why no test runs whose VMs take emulation too long for each run; undefined where KVM runs them, or where they are asked for. */
export const tooLongEmulated = noQemu ?? (await emulated());

async function emulated(): Promise<string | undefined> {
  if (process.env.COPPICE_TEST_EMULATED === 'all') return undefined;
  const root = await mkdtemp(join(tmpdir(), 'coppice-accelerator-'));
  const { accelerator } = await createDriver(root)
    .probe()
    .finally(() => rm(root, { recursive: true }));
  return accelerator === 'kvm'
    ? undefined
    : 'no hardware virtualisation: emulated, its VMs take minutes of each run (COPPICE_TEST_EMULATED=all runs it)';
}
