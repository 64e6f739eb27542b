import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Driver } from './drivers/driver.ts';
import { hostErrors } from './errors/index.ts';
import { stopAllVms } from './stop-all.ts';

const UUIDS = [0, 1, 2].map((digit) => `${digit}1111111-2222-3333-4444-555555555555`);

it('ends all VMs although one hangs and one cannot be ended, and tells of that one in the end', async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'coppice-stop-'));
  try {
    for (const uuid of UUIDS) await mkdir(join(stateDirectory, 'appliances', uuid), { recursive: true });
    const ended: string[] = [];
    const driver = {
      inspect: async (uuid: string) => ({ uuid, state: 'Running' }),
      shutdown: async (uuid: string) => {
        if (uuid === UUIDS[0]) throw hostErrors.hypervisorSilent('QEMU', new Error('no answer'));
        return true;
      },
      destroy: async (uuid: string, path: string) => {
        if (uuid === UUIDS[1]) throw hostErrors.vmNotEnding('QEMU', 'web-1', 1);
        await delay(20);
        ended.push(basename(path));
      },
    } as unknown as Driver;
    const log = pino({ level: 'silent' });
    const stopping = stopAllVms({ stateDirectory, driver, timeoutMs: 1000, log });
    await expect(stopping).rejects.toMatchObject({ reason: 'VMNotEnding' });
    expect(ended.sort()).toEqual([UUIDS[0], UUIDS[2]]);
  } finally {
    await rm(stateDirectory, { recursive: true, force: true });
  }
});
