import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredAppliance } from '../../host/protocol.ts';
import { ApplianceDirectory, createStateValidators } from './appliance-directory.ts';
import { emptyRecord } from './record.ts';
import { RecordKeeper } from './record-keeper.ts';
import { scanAppliances } from './scan.ts';

const UUID = '11111111-2222-3333-4444-555555555555';
const desired: DesiredAppliance = {
  uuid: UUID,
  generation: 1,
  namespace: 'default',
  name: 'web-0',
  powerState: 'Running',
  layer: 'a'.repeat(64),
  boot: { kind: 'firmware' },
  disk: { mode: 'Incremental' },
  resources: { cpuMillis: 100, memoryBytes: 1 },
  network: { mode: 'user', ports: [] },
  service: { name: 'web', container: { type: 'static-site', port: 80 }, parameters: {} },
  agentTimeoutSeconds: 1,
  serviceTimeoutSeconds: 1,
};
const log = pino({ level: 'silent' });

let root: string;
let directory: ApplianceDirectory;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'coppice-state-'));
  directory = new ApplianceDirectory(root, UUID, createStateValidators());
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the directory of an appliance', () => {
  it('gives back what was written into it', async () => {
    await directory.create(desired);
    expect(await directory.readDesired()).toEqual(desired);
    expect(await directory.readRecord()).toEqual(emptyRecord);
    const record = { ...emptyRecord, ports: { http: 2000 } };
    await directory.writeRecord(record);
    expect(await directory.readRecord()).toEqual(record);
  });

  const broken = ['', '{"uuid":', '[]', '{"uuid":"x"}', JSON.stringify({ ...desired, colour: 'green' })];
  for (const content of broken) {
    it(`says that it cannot be read when desired.json holds ${JSON.stringify(content.slice(0, 12))}`, async () => {
      await directory.create(desired);
      await writeFile(join(directory.path, 'desired.json'), content);
      await expect(directory.readDesired()).rejects.toMatchObject({ reason: 'RecordUnreadable' });
    });
  }

  it('says that its desired state is unknown when desired.json is missing', async () => {
    await mkdir(directory.path);
    await expect(directory.readDesired()).rejects.toMatchObject({ reason: 'RecordMissing' });
  });

  it('keeps the request to delete it, even when that was only half written', async () => {
    await directory.create(desired);
    expect(await directory.isDeletionRequested()).toBe(false);
    await writeFile(join(directory.path, 'deletion.json'), '{"req');
    expect(await directory.isDeletionRequested()).toBe(true);
    await directory.requestDeletion('2026-01-01T00:00:00.000Z');
    expect(await directory.isDeletionRequested()).toBe(true);
  });

  it('takes the place of what lies there without removing it', async () => {
    await mkdir(directory.path);
    await writeFile(directory.diskPath, 'a disk');
    await directory.create(desired);
    expect((await readdir(directory.path)).toSorted()).toEqual(['desired.json', 'disk.qcow2']);
  });
});

describe('the scan of a state directory', () => {
  it('finishes what was interrupted and leaves alone what is not ours', async () => {
    await directory.create(desired);
    await writeFile(join(directory.path, '.record.json.x.partial'), 'half');
    const names = [`${UUID}.new`, `${UUID}.deleting`, 'lost+found', 'notes.deleting'];
    for (const name of names) await mkdir(join(root, name));
    expect(await scanAppliances(root, log)).toEqual([UUID]);
    expect((await readdir(root)).toSorted()).toEqual([UUID, 'lost+found', 'notes.deleting']);
    expect(await readdir(directory.path)).toEqual(['desired.json']);
  });
});

describe('the keeper of a record', () => {
  it('writes changes that come together once, and the last one last', async () => {
    const written: unknown[] = [];
    const keeper = new RecordKeeper({
      initial: emptyRecord,
      write: async (record) => {
        written.push(record.ports);
      },
      onError: (error) => written.push(error),
    });
    keeper.update({ ports: { a: 1 } });
    keeper.update({ ports: { a: 2 } });
    keeper.update({ ports: { a: 2 } });
    await keeper.saved();
    expect(written).toEqual([{ a: 2 }]);
  });

  it('writes again what could not be written', async () => {
    let full = true;
    const written: unknown[] = [];
    const keeper = new RecordKeeper({
      initial: emptyRecord,
      write: async (record) => {
        if (full) throw new Error('ENOSPC');
        written.push(record.started);
      },
      onError: () => undefined,
    });
    keeper.update({ started: true });
    await expect(keeper.saved()).rejects.toThrow('ENOSPC');
    full = false;
    await keeper.saved();
    expect(written).toEqual([true]);
  });
});
