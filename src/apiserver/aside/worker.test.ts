import { afterEach, expect, it } from 'vitest';
import type { Job } from './messages.ts';
import { WorkerThread } from './worker.ts';

const worker = new WorkerThread({ tokens: [] });
afterEach(() => worker.close());

const job = (json: string): Job => ({ kind: 'encode', json, format: 'yaml' });
const NO_JOB = undefined as unknown as Job;

async function encoded(json: string): Promise<string> {
  const { result } = await worker.do(job(json));
  return result.kind === 'bytes' ? Buffer.from(result.bytes).toString() : result.kind;
}

it('does jobs that come together one after the other, and starts again after it was closed', async () => {
  expect(await Promise.all([encoded('{"a":1}'), encoded('{"b":2}')])).toEqual(['a: 1\n', 'b: 2\n']);
  await worker.close();
  expect(await encoded('{"a":1}')).toBe('a: 1\n');
});

it('fails what it was doing when it dies, and does the next job', async () => {
  const waiting = worker.do(NO_JOB);
  await expect(waiting).rejects.toThrow(/undefined/);
  expect(await encoded('{"a":1}')).toBe('a: 1\n');
});

it('fails what it was doing when it is closed', async () => {
  const waiting = expect(worker.do(job('{}'))).rejects.toThrow('the worker was ended');
  await worker.close();
  await waiting;
});

it('tells what went wrong in a job, with the place', async () => {
  const { result } = await worker.do(job('{'));
  expect(result).toMatchObject({ kind: 'failure', stack: expect.stringMatching(/JSON.*\n.*at /) });
});
