import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fc, isLong, seed } from '../../fuzz.ts';
import { type Hit, type Shot, Target } from './fuzzing/client.ts';
import { FOUND } from './fuzzing/found.ts';
import { SAMPLES } from './fuzzing/objects.ts';
import { shot } from './fuzzing/shots.ts';

const PLANTED_EVERY = 50;
const SHOTS = isLong ? 20_000 : 2_000;
/** A machine of CI's may be slow, and the first requests are. */
const MOST_BUSY_MS = process.env.CI === undefined ? 250 : 1000;

/** What kube-apiserver, too, answers with 500 or 504; stories of the differential suite show it. */
const AS_KUBE = [
  'resourceVersion should not be set on objects to be created',
  'strconv.ParseUint: parsing',
  'Timeout: Too large resource version',
  'failed to create typed patch object',
  'failed to convert new object',
  'failed to decode managed fields',
  'list element types are not identical',
  'does not contain declared merge key',
  'content is not a list',
];

let dir: string;
let target: Target;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'coppice-fuzz-'));
  target = await Target.start(dir);
});

afterAll(async () => {
  await target?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Makes what there is to read and change, where earlier requests have taken it away. */
async function plant(): Promise<void> {
  for (const { path, object } of SAMPLES) {
    const body = Buffer.from(JSON.stringify(object));
    await target.fire({
      method: 'POST',
      target: path,
      headers: { 'Content-Type': 'application/json' },
      body,
    });
  }
}

/** The request as one can read it and send it again. */
function shown({ body, ...asked }: Shot): string {
  const text = body === undefined ? '' : Buffer.from(body).toString('latin1');
  return `${JSON.stringify(asked)} ${JSON.stringify(text)}`;
}

function problemsOf({ status, text, longest, failures }: Hit): string[] {
  // The answer to HEAD has no text; what was not expected is logged, too.
  const isKubes = text === '' || AS_KUBE.some((message) => text.includes(message));
  return [
    ...(status >= 500 && !isKubes ? [`${status} ${text.slice(0, 300)}`] : []),
    ...failures.map((line) => `logged: ${line.slice(0, 1500)}`),
    ...(longest > MOST_BUSY_MS ? [`busy for ${Math.round(longest)} ms`] : []),
  ];
}

it(`no request makes the server fail or stand still (seed ${seed})`, { timeout: 900_000 }, async () => {
  const statuses = new Map<number, number>();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(shot, async (one) => {
      if (count++ % PLANTED_EVERY === 0) await plant();
      const hit = await target.fire(one);
      statuses.set(hit.status, (statuses.get(hit.status) ?? 0) + 1);
      expect(problemsOf(hit), shown(one)).toEqual([]);
    }),
    {
      numRuns: SHOTS,
      examples: FOUND.map((one): [Shot] => [one]),
      endOnFailure: process.env.CI === undefined,
    },
  );
  // Requests that are all refused at the door would find nothing.
  const carriedOut = (statuses.get(200) ?? 0) + (statuses.get(201) ?? 0);
  expect(carriedOut).toBeGreaterThan(SHOTS / 20);
});
