import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDomainRecord, writeDomainRecord } from './domain-record.ts';

describe('the record of a domain', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coppice-record-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const file = () => join(directory, 'domain.json');

  it('keeps the name that earlier versions wrote for an unplugged console', async () => {
    const record = { uuid: 'u', domain: 'd', commandLine: ['xl'], consoleUnplugged: true };
    await writeFile(file(), JSON.stringify({ uuid: 'u', domain: 'd', commandLine: ['xl'], parted: true }));
    expect(await readDomainRecord(directory)).toEqual(record);
    await writeDomainRecord(directory, record);
    expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({ parted: true });
    expect(await readDomainRecord(directory)).toEqual(record);
  });

  it('is none when the file is missing or damaged', async () => {
    expect(await readDomainRecord(directory)).toBeUndefined();
    await writeFile(file(), '{"uuid": "u"');
    expect(await readDomainRecord(directory)).toBeUndefined();
  });
});
