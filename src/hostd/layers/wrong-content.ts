import { type HostError, hostErrors } from '../errors/index.ts';

/** So many times in a row the same wrong bytes: they are the file that is there. */
const PROOF = 3;

/**
 * Tells a source that has another file from one that was disturbed, by a page of its maintenance, or a cut that nothing announced:
 * the first answers each time with the same wrong bytes, and waits for a person; the second passes.
 */
export class WrongContent {
  readonly #seen = new Map<string, { readonly url: string; readonly actual: string; times: number }>();

  /** The error for a source that answered with the digest `actual` in place of `expected`. */
  judge(url: string, expected: string, actual: string): HostError {
    const before = this.#seen.get(expected);
    const isSame = before?.url === url && before.actual === actual;
    const times = isSame ? before.times + 1 : 1;
    this.#seen.set(expected, { url, actual, times });
    return hostErrors.digestMismatch(url, expected, actual, times >= PROOF);
  }

  forget(expected: string): void {
    this.#seen.delete(expected);
  }
}
