/** A turn to fetch. */
export interface Turn {
  /**
   * Gives the turn to the next who waits; the work goes on beside the turns. False when too many do so already: then it must end, and
   * come again later.
   */
  giveUp(): boolean;
}

interface Waiting {
  readonly owner: string;
  readonly begin: (turn: Turn) => void;
}

/**
 * Lets so many fetches run at once. The turn that ends goes to the owner who has the fewest, in the order of arrival: nobody waits
 * for all that another has asked for.
 */
export class FetchSlots {
  readonly #slots: number;
  readonly #beside: number;
  readonly #running = new Map<Turn, string>();
  readonly #slow = new Set<Turn>();
  #waiting: Waiting[] = [];

  /** @param beside how many fetches that gave up their turn may go on */
  constructor({ slots, beside }: { readonly slots: number; readonly beside: number }) {
    this.#slots = slots;
    this.#beside = beside;
  }

  /** Whether one who comes now has to wait. */
  get isFull(): boolean {
    return this.#running.size >= this.#slots;
  }

  /**
   * Runs the work when its turn comes. If the signal fires while it waits, this rejects at once; while it runs, this settles with the
   * work's own outcome, so that nothing is under way afterwards.
   */
  async run<T>(owner: string, work: (turn: Turn) => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = await this.#turn(owner, signal);
    try {
      signal.throwIfAborted();
      return await work(turn);
    } finally {
      this.#running.delete(turn);
      this.#slow.delete(turn);
      this.#next();
    }
  }

  #turn(owner: string, signal: AbortSignal): Promise<Turn> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const waiting: Waiting = {
        owner,
        begin: (turn) => {
          signal.removeEventListener('abort', abandon);
          resolve(turn);
        },
      };
      const abandon = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        reject(signal.reason);
      };
      signal.addEventListener('abort', abandon, { once: true });
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  #next(): void {
    while (this.#running.size < this.#slots) {
      const next = this.#poorest();
      if (next === undefined) return;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      const turn: Turn = { giveUp: () => this.#giveUp(turn) };
      this.#running.set(turn, next.owner);
      next.begin(turn);
    }
  }

  /** Of those who wait, the first whose owner has the fewest turns. */
  #poorest(): Waiting | undefined {
    const counts = new Map<string, number>();
    for (const owner of this.#running.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    const has = ({ owner }: Waiting) => counts.get(owner) ?? 0;
    const fewest = Math.min(...this.#waiting.map(has));
    return this.#waiting.find((waiting) => has(waiting) === fewest);
  }

  #giveUp(turn: Turn): boolean {
    if (this.#slow.has(turn)) return true;
    if (this.#slow.size >= this.#beside) return false;
    this.#running.delete(turn);
    this.#slow.add(turn);
    this.#next();
    return true;
  }
}
