/**
 * Runs the tests that make their input by chance with a new seed, several times: `npm run test:fuzz -- [ROUNDS]` (1 if not
 * given). It stops at the first seed that fails, and prints how to see that failure again. What it finds becomes a case of its own.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '..');
const rounds = Number(process.argv[2] ?? 1);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`usage: npm run test:fuzz -- [ROUNDS]\n'${process.argv[2]}' is not a number of rounds`);
  process.exit(2);
}

/** All tests that take the seed from test/fuzz.ts, and those of which a run plays a sample. */
const files = globSync(['src/**/*.test.ts', 'controllers/**/*.test.ts', 'test/integration/**/*.test.ts'], {
  cwd: repository,
}).filter((file) =>
  /from '[\w./]+\/fuzz\.ts'|COPPICE_TEST_FIELDS/.test(readFileSync(join(repository, file), 'utf8')),
);

const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
for (let round = 1; round <= rounds; round += 1) {
  const seed = String(randomInt(2 ** 31));
  console.log(`round ${round} of ${rounds}: seed ${seed}`);
  const args = [vitest, 'run', '--project', 'unit', '--project', 'integration', ...files];
  const env = { ...process.env, COPPICE_TEST_SEED: seed, COPPICE_TEST_FIELDS: 'all' };
  const { status } = spawnSync(process.execPath, args, { cwd: repository, stdio: 'inherit', env });
  if (status === 0) continue;
  console.error(`\nTo repeat it: COPPICE_TEST_SEED=${seed} npm run test:unit (or test:integration) -- FILE`);
  process.exit(1);
}
