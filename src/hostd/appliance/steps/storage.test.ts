import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import type { DesiredAppliance } from '../../../host/protocol.ts';
import type { ImageTool } from '../../drivers/driver.ts';
import { type ApplianceRecord, emptyRecord } from '../../state/record.ts';
import { RecordKeeper } from '../../state/record-keeper.ts';
import type { Scope } from '../scope.ts';
import { desiredAppliance } from '../testing/runner-bed.ts';
import { diskStep } from './storage.ts';

const never = new AbortController().signal;
let folder: string;
let record: RecordKeeper;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coppice-storage-'));
  remember(emptyRecord);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function remember(initial: ApplianceRecord): void {
  record = new RecordKeeper({ initial, write: async () => undefined, onError: () => undefined });
}

/** Disks are files that hold their size. */
const images = {
  inspect: async (path: string) => ({ virtualBytes: Number(await readFile(path, 'utf8')), references: [] }),
  createOverlay: (_: string, path: string, bytes = 64) => writeFile(path, `${bytes}`, { flag: 'wx' }),
  createEmpty: (path: string, bytes: number) => writeFile(path, `${bytes}`, { flag: 'wx' }),
  grow: (path: string, bytes: number) => writeFile(path, `${bytes}`),
} as unknown as ImageTool;

const LAYER = { bootable: true, firmware: ['bios'], content: 'a boot sector' };

function stepFor(disk: Partial<DesiredAppliance['disk']>, boot: Partial<DesiredAppliance['boot']> = {}) {
  const scope = {
    host: {
      driver: { images },
      layers: { readyPath: () => '/layer', get: () => LAYER },
      clock: { now: () => 0 },
      disks: new KeyedMutex(),
      reserveBytes: 0,
    },
    desired: {
      ...desiredAppliance(),
      boot: { kind: 'firmware', ...boot },
      disk: { mode: 'Incremental', ...disk },
    },
    directory: { diskPath: at('disk.qcow2'), dataDiskPath: at('data.qcow2') },
    record,
  };
  return diskStep(scope as unknown as Scope);
}

const at = (name: string) => join(folder, name);
const sizes = async () =>
  Object.fromEntries(
    await Promise.all((await readdir(folder)).map(async (name) => [name, await readFile(at(name), 'utf8')])),
  );

describe('the disks of an appliance', () => {
  it('are one, or two', async () => {
    await stepFor({}).run(never);
    expect(await sizes()).toEqual({ 'disk.qcow2': '64' });
    expect(await stepFor({}).isDone(never)).toBe(true);
    expect(await stepFor({ dataBytes: 100 }).isDone(never)).toBe(false);
    await stepFor({ dataBytes: 100 }).run(never);
    expect(await sizes()).toEqual({ 'disk.qcow2': '64', 'data.qcow2': '100' });
    expect(await stepFor({ dataBytes: 100 }).isDone(never)).toBe(true);
  });

  it('are made once: what a daemon left that was killed is used, and what was half made is made again', async () => {
    await writeFile(at('data.qcow2.partial'), 'half');
    await stepFor({ dataBytes: 100 }).run(never);
    const { ino } = await stat(at('data.qcow2'));
    remember(emptyRecord);
    const again = stepFor({ dataBytes: 100 });
    expect(await again.isDone(never)).toBe(true);
    expect(record.current).toMatchObject({ dataDiskCreatedAt: '1970-01-01T00:00:00.000Z' });
    await again.run(never);
    expect((await stat(at('data.qcow2'))).ino).toBe(ino);
    expect(Object.keys(await sizes()).sort()).toEqual(['data.qcow2', 'disk.qcow2']);
  });

  it('grow, and the record says how far', async () => {
    await stepFor({ dataBytes: 100 }).run(never);
    record.update({ size: { cpuMillis: 1, memoryBytes: 1, dataBytes: 100 } });
    expect(await stepFor({ dataBytes: 200 }).isDone(never)).toBe(false);
    await stepFor({ dataBytes: 200 }).run(never);
    expect(await sizes()).toMatchObject({ 'data.qcow2': '200' });
    expect(record.current.size).toEqual({ cpuMillis: 1, memoryBytes: 1, dataBytes: 200 });
    expect(await stepFor({ dataBytes: 200 }).isDone(never)).toBe(true);
  });

  it('are never replaced by empty ones when they are lost', async () => {
    await stepFor({ dataBytes: 100 }).run(never);
    await rm(at('data.qcow2'));
    const lost = { reason: 'DiskMissing', message: expect.stringContaining(at('data.qcow2')) };
    await expect(stepFor({ dataBytes: 100 }).run(never)).rejects.toMatchObject(lost);
    expect(await sizes()).toEqual({ 'disk.qcow2': '64' });
  });

  it('are not made for a firmware that finds nothing on them', async () => {
    const refused = {
      reason: 'OtherFirmware',
      kind: 'stalled',
      message: expect.stringMatching(/asks for the firmware uefi.*EFI system partition.*a boot sector/),
    };
    await expect(stepFor({}, { firmware: 'uefi' }).run(never)).rejects.toMatchObject(refused);
    expect(await sizes()).toEqual({});
    await stepFor({}, { firmware: 'bios' }).run(never);
    expect(await sizes()).toEqual({ 'disk.qcow2': '64' });
  });
});
