import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredAppliance } from '../../host/protocol.ts';
import type { Checkpoints } from '../drivers/checkpoints.ts';
import { hostErrors } from '../errors/index.ts';
import type { CaptureContext } from './capture.ts';
import { captureCheckpoint } from './capture-checkpoint.ts';

const signal = new AbortController().signal;
const unavailable = hostErrors.forkUnavailable('its kernel watches no memory');

describe('the checkpoint of an appliance', () => {
  let root: string;
  let calls: string[];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'coppice-capture-'));
    await writeFile(join(root, 'disk.qcow2'), 'disk');
    calls = [];
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function capture(fork: Checkpoints['fork'] | undefined, capturable?: true): Promise<unknown> {
    const disk = join(root, 'disk.qcow2');
    const saved = { memory: join(root, 'memory'), state: join(root, 'state'), disk, key: {} };
    const checkpoints = {
      ...(fork === undefined ? {} : { fork }),
      save: async () => void calls.push('save'),
      files: async () => (calls.length === 0 ? undefined : saved),
    };
    const desired = {
      ...{ uuid: '11111111-1111-4111-8111-111111111111', namespace: 'default', name: 'web-0', capturable },
      ...{ disk: { mode: 'Incremental' }, resources: { cpuMillis: 500, memoryBytes: 1024 }, layer: '1' },
      service: { parameters: { hostname: 'web-0' } },
    } as DesiredAppliance;
    const directory = { path: root, diskPath: disk, dataDiskPath: '', buildLogPath: '' };
    const context = {
      driver: { checkpoints, probe: async () => ({ name: 'any' }) },
      applianceOf: () => ({ desired, directory }),
      reserveBytes: 0,
    } as unknown as CaptureContext;
    const targets = { disk: join(root, 'target'), data: join(root, 'data'), folder: join(root, 'folder') };
    return await captureCheckpoint(context, desired.uuid, targets, { signal, onProgress: () => undefined });
  }
  const forking = async () => {
    calls.push('fork');
    return { capturedAt: '2026-01-01T00:00:00Z', pauseMs: 20 };
  };
  const failing = async () => {
    throw unavailable;
  };

  it('is a fork where VMs can be forked: they run on', async () => {
    expect(await capture(forking)).toMatchObject({
      parent: '1',
      checkpoint: { from: { hostname: 'web-0' } },
    });
    expect(calls).toEqual(['fork']);
  });

  it.each([
    ['driver', undefined, undefined],
    ['host', failing, true],
  ] as const)('is saved, and the VM ends, where its %s forks none', async (_, fork, capturable) => {
    await capture(fork, capturable);
    expect(calls).toEqual(['save']);
  });

  it('is not made of a VM that its host can neither fork nor read: the error says what either takes', async () => {
    await expect(capture(failing)).rejects.toMatchObject({
      reason: 'NotCapturable',
      kind: 'stalled',
      message: expect.stringMatching(
        /its kernel watches no memory.*set spec.capturable of the appliance to true/,
      ),
    });
    expect(calls).toEqual([]);
  });

  it('is not saved in place of a fork that failed for another reason', async () => {
    const failed = hostErrors.checkpointFailed('1', 'its guest does not run');
    await expect(capture(() => Promise.reject(failed), true)).rejects.toBe(failed);
    expect(calls).toEqual([]);
  });
});
