import { type HostError, hostErrors } from '../errors/index.ts';

/** So many times in a row the same wrong bytes: they are the file that is there. */
const PROOF = 3;

/**
 * Tells a source that has another file from one that was disturbed, by a page of its maintenance, or a cut that nothing announced:
 * the first answers each time with the same wrong bytes, and waits for a person; the second passes.
 */
export class WrongContent {
  /** By the expected digest, then by source. */
  readonly #seen = new Map<string, Map<string, { readonly actual: string; readonly times: number }>>();

  /** The error for a source that answered with the digest `actual` in place of `expected`. */
  judge(url: string, expected: string, actual: string): HostError {
    const sources = this.#seen.get(expected) ?? new Map<string, { actual: string; times: number }>();
    const before = sources.get(url);
    const times = before?.actual === actual ? before.times + 1 : 1;
    this.#seen.set(expected, sources.set(url, { actual, times }));
    return hostErrors.digestMismatch(url, expected, actual, times >= PROOF);
  }

  forget(expected: string): void {
    this.#seen.delete(expected);
  }
}
