import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTokenFile } from './token-file.ts';

describe('the token file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coppice-tokens-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (text: string) => {
    const path = join(folder, 'tokens.csv');
    writeFileSync(path, text);
    return readTokenFile(path);
  };

  it('has a user and groups for each token', async () => {
    expect(await read('s3cret,alice,1,"system:masters, devs"\n\nother,bob,2,devs\r\nthird,carol,\n')).toEqual(
      [
        { token: 's3cret', user: 'alice', uid: '1', groups: ['system:masters', 'devs'] },
        { token: 'other', user: 'bob', uid: '2', groups: ['devs'] },
        { token: 'third', user: 'carol', groups: [] },
      ],
    );
  });

  it.each(['s3cret', 's3cret,alice', ',alice,1', 's3cret,,1', 's3cret,alice,1,"devs', 's3cret,alice,1,a,b'])(
    'is refused for the line %j, by its number, without telling the token',
    async (line) => {
      const refusal = read(`good,bob,2\n${line}\n`);
      await expect(refusal).rejects.toThrow('tokens.csv: line 2 is not token,user,uid,"group1,group2"');
      await expect(refusal).rejects.not.toThrow('s3cret');
    },
  );
});
