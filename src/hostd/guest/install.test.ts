import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GuestAction } from '../../domain/services/types.ts';
import { hostErrors } from '../errors/index.ts';
import type { Guest, GuestExecResult } from './guest.ts';
import { runActions } from './install.ts';

const put: GuestAction = {
  kind: 'putPackage',
  title: 'transfer the package',
  path: '/srv/new',
  unpack: 'tar',
};

describe('a package that could not be transferred', () => {
  let folder: string;
  let file: string;
  let scripts: string[];
  const emptied = () => scripts.some((script) => script.includes('rm -rf ./*'));

  const guestThat = (write: () => void, unpack: Partial<GuestExecResult> = {}): Guest =>
    ({
      writeFile: async () => write(),
      exec: async ([, , script = '']: readonly string[]) => {
        scripts.push(script);
        return { exitCode: 0, stdout: '', stderr: '', ...(script.includes('tar') ? unpack : {}) };
      },
    }) as unknown as Guest;
  const install = (guest: Guest, signal = new AbortController().signal) =>
    runActions(guest, [put], { kind: 'archive', path: file, fileName: 'a.tar' }, signal);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-install-'));
    file = join(folder, 'a.tar');
    scripts = [];
    await writeFile(file, 'a package');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('takes no room in the guest', async () => {
    const full = guestThat(() => undefined, { exitCode: 1, stderr: 'tar: x: No space left on device' });
    await expect(install(full)).rejects.toMatchObject({ reason: 'GuestDiskFull' });
    expect(emptied()).toBe(true);
  });

  it('fails with the end of what its unpacking printed', async () => {
    const lines = Array.from({ length: 50_000 }, (_, at) => `tar: ${at}: cannot be made`);
    const broken = guestThat(() => undefined, { exitCode: 1, stderr: lines.join('\n') });
    const error = await install(broken).catch((why: Error) => why);
    expect(error).toMatchObject({
      reason: 'GuestCommandFailed',
      message: `in the guest, 'transfer the package' ended with exit code 1: ${lines.slice(-10).join('\n')}`,
    });
  });

  it('is left to the next attempt when the agent is silent, or this one was given up', async () => {
    const silent = guestThat(() => {
      throw hostErrors.agentUnavailable('no answer');
    });
    await expect(install(silent)).rejects.toMatchObject({ reason: 'AgentUnavailable' });
    const abort = new AbortController();
    const givenUp = guestThat(() => {
      abort.abort(new Error('changed'));
      throw new Error('aborted');
    });
    await expect(install(givenUp, abort.signal)).rejects.toThrow('changed');
    expect(emptied()).toBe(false);
  });
});
