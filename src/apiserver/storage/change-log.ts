import type { Change, HistoryLimits } from './store.ts';

/** The recent changes, in memory, oldest first; watches resume from them. */
export class ChangeLog {
  readonly #limits: HistoryLimits;
  #changes: Change[];
  /** Index of the oldest kept change. Older ones are removed in batches, as shifting the array for each would be slow. */
  #start = 0;
  #compacted: number;

  constructor(limits: HistoryLimits, changes: Change[], compacted: number) {
    this.#limits = limits;
    this.#changes = changes;
    this.#compacted = compacted;
  }

  get compactedRevision(): number {
    return this.#compacted;
  }

  get lastRevision(): number {
    return this.#changes.at(-1)?.revision ?? this.#compacted;
  }

  append(change: Change): void {
    this.#changes.push(change);
  }

  /** Removes the newest change, which could not be written to disk. */
  pop(): void {
    this.#changes.pop();
  }

  /** Changes after `revision` up to `until`, at most `limit`; undefined when some of them are compacted. */
  after(revision: number, until: number, limit: number): Change[] | undefined {
    if (revision < this.#compacted) return undefined;
    const found: Change[] = [];
    for (
      let index = this.#indexAfter(revision);
      index < this.#changes.length && found.length < limit;
      index++
    ) {
      const change = this.#changes[index] as Change;
      if (change.revision > until) break;
      found.push(change);
    }
    return found;
  }

  /** The revision up to which the limits require compaction at time `now`; undefined when nothing is due. */
  due(now: number): number | undefined {
    const excess = this.#changes.length - this.#start - this.#limits.maxChanges;
    let index = this.#start + Math.max(0, excess);
    while (index < this.#changes.length && now - (this.#changes[index] as Change).at > this.#limits.maxAgeMs)
      index++;
    return index === this.#start ? undefined : this.#changes[index - 1]?.revision;
  }

  forget(revision: number): void {
    this.#start = this.#indexAfter(revision);
    this.#compacted = Math.max(this.#compacted, revision);
    if (this.#start * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#start);
      this.#start = 0;
    }
  }

  #indexAfter(revision: number): number {
    let low = this.#start;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle] as Change).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
