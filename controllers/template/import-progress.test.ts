import { expect, it } from 'vitest';
import { aTemplate } from '../../test/builders/objects.ts';
import { anImport, aView } from '../../test/builders/reports.ts';
import { importProgress } from './import-progress.ts';

const fetching = (fetchedBytes: number, rest: object = {}) =>
  anImport({ state: 'Fetching', fetchedBytes, ...rest });
const on = (...hosts: readonly (readonly [string, ReturnType<typeof anImport>])[]) =>
  importProgress(
    aTemplate(),
    hosts.map(([name, one]) => aView({ name, imported: [one] })),
  );

it('tells bytes, rate and rest of the host that is furthest', () => {
  const rates = { totalBytes: 3000, bytesPerSecond: 500, secondsLeft: 2, phase: 'Fetching' } as const;
  expect(on(['a', fetching(10)], ['b', fetching(2000, rates)])).toEqual({
    host: 'b',
    fetchedBytes: 2000,
    percent: 66,
    ...rates,
  });
});

it('tells what is known when the source says nothing of its size', () => {
  expect(on(['a', fetching(10)])).toEqual({ host: 'a', fetchedBytes: 10 });
  expect(on(['a', fetching(0, { totalBytes: 0 })])).toEqual({ host: 'a', fetchedBytes: 0, totalBytes: 0 });
});

it('is nothing when the import has ended, failed, or is another namespace’s', () => {
  expect(on(['a', anImport()], ['b', anImport({ state: 'Failed' })])).toBeUndefined();
  expect(on(['a', fetching(10, { namespace: 'other' })])).toBeUndefined();
});
