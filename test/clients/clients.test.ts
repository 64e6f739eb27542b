import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { useSides } from '../integration/apiserver/differential/sides.ts';
import { describeOnKubernetes } from '../kubernetes/suite.ts';
import { describeUnless } from '../skip.ts';
import { buildLife, buildSuite, missingGo } from './go.ts';

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

/**
 * How a test of controller-runtime fails where a kind is not served (pods, deployments, nodes, signing requests, tokens), and what it
 * then leaves behind; or where the namespace's controller has ended it before the test does.
 */
const NOT_SERVED =
  /no matches for|could not find the requested resource|namespaces "test-namespace-\d" already exists|namespaces "[-\w]+" not found/;

const withoutPython = await missingPython();
const withoutGo = await missingGo();

await describeOnKubernetes('the default client of', (programs) => {
  const sides = useSides(programs);

  /** What the program prints, of each server. */
  const lives = (program: string, ...args: readonly string[]) =>
    Promise.all(
      [sides.embedded, sides.kube].map(async ({ server }) => {
        const options = { maxBuffer: 2 ** 26 };
        const { stdout } = await run(program, [...args, server.kubeconfigPath, objects], options);
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

  describeUnless(withoutGo, 'Go', () => {
    it('creates, reads, watches, changes and deletes an object of every kind', async () => {
      const [ours = [], theirs = []] = await lives(await buildLife());
      expect(ours).toEqual(theirs);
      const steps = ours.map((line) => JSON.parse(line) as { step: string; error?: unknown });
      const needed = steps.filter(({ step }) =>
        / (create|update|apply|delete|watch|is gone( again)?)$/.test(step),
      );
      expect(needed.length).toBeGreaterThan(500);
      expect(needed.filter(({ error }) => error !== undefined)).toEqual([]);
    });

    it('passes the tests of controller-runtime, as far as their kinds are served', async () => {
      const specsOf = await buildSuite();
      const [ours, theirs] = await Promise.all([
        specsOf(sides.embedded.server.kubeconfigPath, 'embedded'),
        specsOf(sides.kube.server.kubeconfigPath, 'kube'),
      ]);
      const expected = new Set(theirs.filter(({ state }) => state === 'passed').map(({ name }) => name));
      const wanted = ours.filter(({ name, failure }) => expected.has(name) && !NOT_SERVED.test(failure));
      expect(wanted.filter(({ state }) => state !== 'passed')).toEqual([]);
      expect(wanted.length).toBeGreaterThanOrEqual(145);
    });
  });
});
