import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Side, startSides } from '../integration/apiserver/differential/sides.ts';
import { describeOnKubernetes } from '../kubernetes/suite.ts';
import { describeUnless } from '../skip.ts';

const run = promisify(execFile);
const folder = import.meta.dirname;
const objects = join(folder, 'objects.json');
const environment = resolve(folder, '../../.coppice/clients-python');

async function missingPython(): Promise<string | undefined> {
  return await run('python3', ['-m', 'venv', '--help']).then(
    () => undefined,
    () => 'no python3 with venv: install python3-venv',
  );
}

/** Python with the client, installed once. */
async function python(): Promise<string> {
  const program = join(environment, 'bin/python');
  const requirements = join(folder, 'python/requirements.txt');
  await mkdir(environment, { recursive: true });
  await access(program).catch(() => run('python3', ['-m', 'venv', environment]));
  await run(program, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  return program;
}

const withoutPython = await missingPython();

await describeOnKubernetes('the default client of', (programs) => {
  let embedded: Side;
  let kube: Side;
  beforeAll(async () => {
    ({ embedded, kube } = await startSides(programs));
  });
  afterAll(async () => {
    await embedded?.stop();
    await kube?.stop();
  });

  /** What the program prints, of each server. */
  const lives = (program: string, ...args: readonly string[]) =>
    Promise.all(
      [embedded, kube].map(async ({ server }) => {
        const { stdout } = await run(program, [...args, server.kubeconfigPath, objects]);
        return stdout.trim().split('\n');
      }),
    );
  const expectAlike = ([ours = [], theirs = []]: readonly (readonly string[])[]) => {
    expect(ours).toEqual(theirs);
    expect(ours.filter((line) => / create: /.test(line)).length).toBeGreaterThan(15);
    expect(ours.filter((line) => / (create|replace|replace again|delete): (?!done)/.test(line))).toEqual([]);
  };

  describe('JavaScript', () => {
    it('creates, reads, changes and deletes an object of every kind', async () => {
      expectAlike(await lives(process.execPath, join(folder, 'life.ts')));
    });
  });

  describeUnless(withoutPython, 'Python', () => {
    it('creates, reads, changes and deletes an object of every kind, and leads', async () => {
      expectAlike(await lives(await python(), join(folder, 'python/life.py')));
    });
  });
});
