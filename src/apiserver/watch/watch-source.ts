import type { Selection } from '../handlers/selection.ts';
import type { Change, ChangeType, ObjectStore, StoredObject } from '../storage/store.ts';

/** One event for a watcher. */
export interface WatchEvent {
  readonly type: ChangeType;
  /** The object to send; for a deletion, or when a selector no longer matches, its last state that matched. */
  readonly stored: StoredObject;
}

/** How many changes are read at once. */
const STRIDE = 500;

/**
 * One watcher's view of the change log. The watcher pulls events, so that a slow client delays only itself: it keeps a
 * position in the log instead of a queue, and expires when the log is compacted beyond that position.
 */
export class WatchSource {
  readonly #store: ObjectStore;
  readonly #bucket: string;
  readonly #selection: Selection;
  /** Initial objects that are still to be sent. */
  #initial: StoredObject[];
  #sent = 0;
  #position: number;
  #waiting: WatchEvent[] = [];

  constructor(
    store: ObjectStore,
    bucket: string,
    selection: Selection,
    initial: StoredObject[],
    position: number,
  ) {
    this.#store = store;
    this.#bucket = bucket;
    this.#selection = selection;
    this.#initial = initial;
    this.#position = position;
  }

  /** The revision up to which all events have been read. */
  get position(): number {
    return this.#position;
  }

  get initialPending(): boolean {
    return this.#sent < this.#initial.length;
  }

  /** The next event; undefined when there is none now, 'expired' when history was lost before it was read. */
  next(): WatchEvent | undefined | 'expired' {
    const initial = this.#initial[this.#sent];
    if (initial !== undefined) {
      this.#sent++;
      if (!this.initialPending) this.#initial = [];
      return { type: 'ADDED', stored: initial };
    }
    while (this.#waiting.length === 0) {
      const changes = this.#store.changesAfter(this.#position, STRIDE);
      if (changes === undefined) return 'expired';
      const last = changes.at(-1);
      if (last === undefined) {
        this.#position = Math.max(this.#position, this.#store.committedRevision);
        return undefined;
      }
      this.#waiting = changes.map((change) => this.#eventOf(change)).filter((event) => event !== undefined);
      this.#position = last.revision;
    }
    return this.#waiting.shift();
  }

  /** Translates a change under the selectors: an object that starts to match is ADDED, one that stops matching is DELETED. */
  #eventOf(change: Change): WatchEvent | undefined {
    const { bucket, current, previous, type, revision } = change;
    if (bucket !== this.#bucket || !current.key.startsWith(this.#selection.prefix)) return undefined;
    const { matches } = this.#selection;
    if (matches === undefined) return { type, stored: current };
    const before = previous !== undefined && matches(previous.object);
    const after = type !== 'DELETED' && matches(current.object);
    if (after) return { type: before ? 'MODIFIED' : 'ADDED', stored: current };
    if (!before || previous === undefined) return undefined;
    return { type: 'DELETED', stored: type === 'DELETED' ? current : atRevision(previous, revision) };
  }
}

/** The last state that matched, with the revision of the change that ended the match, so that clients resume after it. */
function atRevision(stored: StoredObject, revision: number): StoredObject {
  const metadata = { ...stored.object.metadata, resourceVersion: String(revision) };
  const object = { ...stored.object, metadata };
  return { key: stored.key, revision, object, json: JSON.stringify(object) };
}
