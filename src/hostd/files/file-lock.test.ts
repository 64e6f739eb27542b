import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { itUnless } from '../../../test/skip.ts';
import { lockStateDirectory, tryFileLock } from './file-lock.ts';

/** Prints whether it got the lock, and keeps the lock until it is killed. */
const TAKER = `
  const { tryFileLock } = await import(process.argv[1]);
  console.log(await tryFileLock(process.argv[2]) === undefined ? 'refused' : 'taken');
  setInterval(() => globalThis.gc(), 20);
`;

const ELSEWHERE = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child'] as const;
const mayUnshare = spawnSync(ELSEWHERE[0], [...ELSEWHERE.slice(1), 'true']).status === 0;
const noNamespaces = mayUnshare ? undefined : 'it needs new namespaces: run the tests as root';

describe('a lock file', () => {
  let directory: string;
  let path: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coppice-lock-'));
    path = join(directory, 'some.lock');
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map(kill));
    await rm(directory, { recursive: true, force: true });
  });

  /** Starts another process that tries to take the lock, and reads its answer. */
  const another = async (wrapper: readonly string[] = [], at = path) => {
    const lock = new URL('./file-lock.ts', import.meta.url).href;
    const node = [process.execPath, '--expose-gc', '--input-type=module', '-e', TAKER, lock, at];
    const [program = '', ...args] = [...wrapper, ...node];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [chunk] = await once(child.stdout, 'data');
    return { child, answer: String(chunk).trim() };
  };

  it('is held once within a process, and free again after its release', async () => {
    const first = await tryFileLock(path);
    expect(first).toBeDefined();
    expect(await tryFileLock(path)).toBeUndefined();
    // The refused attempt must not have released the holder's lock.
    expect((await another()).answer).toBe('refused');
    await first?.release();
    await first?.release();
    const second = await tryFileLock(path);
    expect(second).toBeDefined();
    await second?.release();
  });

  it('is held once among processes, and is free as soon as its holder is killed', async () => {
    const { child, answer } = await another();
    expect(answer).toBe('taken');
    expect(await tryFileLock(path)).toBeUndefined();
    await kill(child);
    const lock = await tryFileLock(path);
    expect(lock).toBeDefined();
    await lock?.release();
  });

  it('is given to exactly one of many simultaneous attempts', async () => {
    const answers = (await Promise.all(Array.from({ length: 5 }, () => another()))).map(
      ({ answer }) => answer,
    );
    expect(answers.filter((answer) => answer === 'taken')).toHaveLength(1);
  });

  itUnless(noNamespaces, 'is the same in other namespaces', async () => {
    const lock = await tryFileLock(path);
    expect((await another(ELSEWHERE)).answer).toBe('refused');
    await lock?.release();
    expect((await another(ELSEWHERE)).answer).toBe('taken');
  });

  it('is the same under another path', async () => {
    const alias = `${directory}-alias`;
    await symlink(directory, alias);
    try {
      const lock = await tryFileLock(path);
      expect(await tryFileLock(join(alias, 'some.lock'))).toBeUndefined();
      await lock?.release();
    } finally {
      await rm(alias);
    }
  });

  it('cannot be locked by other users, and leaves no other file beside it', async () => {
    const lock = await tryFileLock(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['some.lock']);
    await lock?.release();
    expect(await readdir(directory)).toEqual(['some.lock']);
  });

  it('names the file when it is not a lock file', async () => {
    await writeFile(path, 'something else that somebody has put here'.repeat(100));
    await expect(tryFileLock(path)).rejects.toThrow(`${path} cannot be locked`);
  });

  it('reports a state directory that another daemon uses', async () => {
    const lock = await lockStateDirectory(directory);
    await expect(lockStateDirectory(directory)).rejects.toMatchObject({
      reason: 'StateDirectoryInUse',
      message: expect.stringContaining(directory),
    });
    await lock.release();
  });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
