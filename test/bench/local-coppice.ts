import { Coppice } from '../e2e/coppice.ts';
import type { BenchContext } from './harness.ts';

/** A Coppice of its own, in a folder that is removed afterwards. */
export type LocalCoppice = Pick<Coppice, 'layout' | 'client' | 'run'>;

/** `coppice up` in a new data directory, `use`, `coppice down`; also when `use` fails. */
export async function withLocalCoppice<T>(
  context: BenchContext,
  options: readonly string[],
  use: (local: LocalCoppice) => Promise<T>,
): Promise<T> {
  context.log('coppice up');
  const local = await Coppice.up(...options);
  let result: T;
  try {
    result = await use(local);
  } catch (error) {
    // The first failure counts, not what it left running.
    await local.close().catch((why: unknown) => context.log(String(why)));
    throw error;
  }
  await local.close();
  return result;
}
