import fc from 'fast-check';

/** Any would do: a whole run must not fail by a chance that has nothing to do with what was changed. */
const FIXED = '20260101';

/**
 * The seed of what tests make by chance: always the same, unless COPPICE_TEST_SEED names another, which `npm run test:fuzz` draws
 * and a failure's message repeats.
 */
export const seed = seedFrom(process.env.COPPICE_TEST_SEED || FIXED);

/** Whether this is a run that looks for what is not known yet, and may take its time. */
export const isLong = Boolean(process.env.COPPICE_TEST_SEED);

function seedFrom(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`COPPICE_TEST_SEED is '${text}'; it must be a whole number`);
  return Number(text);
}

// A failed property prints the seed.
fc.configureGlobal({ seed });

/** fast-check with that seed: tests take it from here, never from the package. */
export { fc };
