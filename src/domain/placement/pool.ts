/**
 * The hosts that pass one filter, arranged so that Algorithm 2's choice (SO-MVDS 4.2) costs only a few heap operations.
 *
 * Algorithm 2 walks the hosts in order of free memory and takes the first that has the CPU, so a plain heap
 * would walk over every memory-rich host whose CPU is spent. Therefore hosts stand in one heap per *level* of
 * CPU: the distinct CPU requests of the batch, c₀ < c₁ < …, cut the scale, and a host stands in the heap of
 * the largest request it can still take. A request cᵢ looks only at the tops of the heaps i and above; a
 * tournament tree over these tops gives the best of them.
 *
 * During a batch hosts only lose resources. So a host never rises, and a host that can take no more requests is dropped for good.
 * Pools need not notify each other of what they take: the order that a pool remembers is an upper bound, and a host is updated
 * when it reaches the top.
 */

/** What is free on every host, shared by all pools; index = position in order of name. */
export interface FreeResources {
  readonly memory: Float64Array;
  readonly cpu: Float64Array;
}

/** What a request asks of a host besides CPU and memory; a host is its index. */
export interface Wish {
  /** A host that is closed to a request stays closed to all later ones of the pool. */
  isOpen(host: number): boolean;
  /** Of hosts that are equally free, the one with the fewest is taken. */
  replicas(host: number): number;
}

const NONE = -1;

export class HostPool {
  readonly #members: Int32Array;
  readonly #free: FreeResources;
  /** What was free on each member when this pool last looked, by position in #members. */
  readonly #memory: Float64Array;
  readonly #cpu: Float64Array;
  readonly #steps: readonly number[];
  readonly #stepOf: ReadonlyMap<number, number>;
  /** One heap of member positions per CPU step, best first. */
  readonly #heaps: number[][];
  /**
   * Tournament tree: leaf #leaves + i holds the top of heap i, each inner node the better of its two
   * children.
   */
  readonly #winners: Int32Array;
  readonly #leaves: number;

  /**
   * @param members hosts of this pool: ascending indexes into `free`, that is in order of name
   * @param cpuRequests every amount of CPU with which take() will be called
   */
  constructor(members: Int32Array, free: FreeResources, cpuRequests: Iterable<number>) {
    this.#members = members;
    this.#free = free;
    this.#memory = Float64Array.from(members, (host) => free.memory[host] as number);
    this.#cpu = Float64Array.from(members, (host) => free.cpu[host] as number);
    this.#steps = [...new Set(cpuRequests)].sort((a, b) => a - b);
    this.#stepOf = new Map(this.#steps.map((cpu, index) => [cpu, index]));
    this.#heaps = this.#steps.map(() => []);
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(1, this.#steps.length)));
    this.#winners = new Int32Array(2 * this.#leaves).fill(NONE);
    this.#fill();
  }

  /**
   * Algorithm 2: takes the request from the first host that qualifies and returns its index, or −1.
   * @throws RangeError for an amount of CPU that was not announced to the constructor
   */
  take(cpuMillis: number, memoryBytes: number, wish?: Wish): number {
    const step = this.#stepOf.get(cpuMillis);
    if (step === undefined) throw new RangeError(`no request for ${cpuMillis} millicores was announced`);
    const tied: number[] = [];
    const member =
      wish === undefined
        ? this.#first(step, memoryBytes)
        : this.#chooseAmongTied(step, memoryBytes, wish, tied);
    for (const other of tied) {
      if (other !== member) this.#push(this.#levelOf(this.#cpu[other] as number), other);
    }
    if (member === NONE) return NONE;
    const host = this.#members[member] as number;
    this.#free.memory[host] = (this.#free.memory[host] as number) - memoryBytes;
    this.#free.cpu[host] = (this.#free.cpu[host] as number) - cpuMillis;
    if (tied.length > 0) this.#insert(member, host);
    else this.#refresh(member, host);
    return host;
  }

  /** The first member that qualifies, which is the top of its heap, or −1. */
  #first(step: number, memoryBytes: number): number {
    for (;;) {
      const member = this.#best(step);
      if (member === NONE || !((this.#memory[member] as number) > memoryBytes)) return NONE;
      const host = this.#members[member] as number;
      if (this.#isCurrent(member, host)) return member;
      this.#refresh(member, host);
    }
  }

  /**
   * As above; of the open members that are as free as the first, the first with the fewest replicas.
   * @param tied gets the members that were examined, if the first has a replica: these are taken out of their heap, the chosen one
   * too. They are no more than the hosts with a replica, and one.
   */
  #chooseAmongTied(step: number, memoryBytes: number, wish: Wish, tied: number[]): number {
    let chosen = NONE;
    let fewest = Infinity;
    while (fewest > 0) {
      const next = this.#first(step, memoryBytes);
      if (next === NONE) break;
      const host = this.#members[next] as number;
      if (!wish.isOpen(host)) {
        this.#removeTop(next);
        continue;
      }
      if (chosen !== NONE && !this.#isEquallyFree(chosen, next)) break;
      const replicas = wish.replicas(host);
      if (replicas === 0 && tied.length === 0) return next;
      if (replicas < fewest) [chosen, fewest] = [next, replicas];
      tied.push(next);
      this.#removeTop(next);
    }
    return chosen;
  }

  #isEquallyFree(a: number, b: number): boolean {
    return this.#memory[a] === this.#memory[b] && this.#cpu[a] === this.#cpu[b];
  }

  /** Takes the member, which is the top of its heap, out of it. */
  #removeTop(member: number): void {
    const level = this.#levelOf(this.#cpu[member] as number);
    const heap = this.#heaps[level] as number[];
    const last = heap.pop() as number;
    if (heap.length > 0) heap[0] = last;
    this.#sink(heap, 0);
    this.#replay(level);
  }

  /** Puts a member that is in no heap where it belongs by now. */
  #insert(member: number, host: number): void {
    this.#memory[member] = this.#free.memory[host] as number;
    this.#cpu[member] = this.#free.cpu[host] as number;
    const level = this.#levelOf(this.#cpu[member] as number);
    if (level !== NONE) this.#push(level, member);
  }

  #isCurrent(member: number, host: number): boolean {
    return this.#memory[member] === this.#free.memory[host] && this.#cpu[member] === this.#free.cpu[host];
  }

  /** Updates the member, which is the top of its heap: only tops are ever examined. */
  #refresh(member: number, host: number): void {
    const before = this.#levelOf(this.#cpu[member] as number);
    if (this.#levelOf(this.#free.cpu[host] as number) !== before) {
      this.#removeTop(member);
      this.#insert(member, host);
      return;
    }
    this.#memory[member] = this.#free.memory[host] as number;
    this.#cpu[member] = this.#free.cpu[host] as number;
    this.#sink(this.#heaps[before] as number[], 0);
    this.#replay(before);
  }

  /** The heap for a host with that much CPU: that of the largest request below it, or −1. */
  #levelOf(cpu: number): number {
    let low = 0;
    let high = this.#steps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#steps[middle] as number) < cpu) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #fill(): void {
    for (let member = 0; member < this.#members.length; member++) {
      const level = this.#levelOf(this.#cpu[member] as number);
      if (level !== NONE) (this.#heaps[level] as number[]).push(member);
    }
    this.#heaps.forEach((heap, level) => {
      for (let at = (heap.length >>> 1) - 1; at >= 0; at--) this.#sink(heap, at);
      this.#replay(level);
    });
  }

  /** The best member of all heaps from `step` on. */
  #best(step: number): number {
    if (step === 0) return this.#winners[1] as number;
    let best = NONE;
    let from = this.#leaves + step;
    let to = 2 * this.#leaves;
    for (; from < to; from >>>= 1, to >>>= 1) {
      if (from & 1) best = this.#better(best, this.#winners[from++] as number);
      if (to & 1) best = this.#better(best, this.#winners[--to] as number);
    }
    return best;
  }

  /** Plays the matches of one heap's top again, up to the root. */
  #replay(level: number): void {
    let node = this.#leaves + level;
    this.#winners[node] = this.#heaps[level]?.[0] ?? NONE;
    for (node >>>= 1; node >= 1; node >>>= 1) {
      this.#winners[node] = this.#better(
        this.#winners[2 * node] as number,
        this.#winners[2 * node + 1] as number,
      );
    }
  }

  #better(a: number, b: number): number {
    if (a === NONE) return b;
    if (b === NONE) return a;
    return this.#precedes(a, b) ? a : b;
  }

  /** Line 1 of Algorithm 2: free memory, then free CPU, most first, then name, which is the position. */
  #precedes(a: number, b: number): boolean {
    const memory = (this.#memory[a] as number) - (this.#memory[b] as number);
    if (memory !== 0) return memory > 0;
    const cpu = (this.#cpu[a] as number) - (this.#cpu[b] as number);
    return cpu !== 0 ? cpu > 0 : a < b;
  }

  #push(level: number, member: number): void {
    const heap = this.#heaps[level] as number[];
    let at = heap.length;
    heap.push(member);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#precedes(member, heap[parent] as number)) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = member;
    this.#replay(level);
  }

  #sink(heap: number[], start: number): void {
    if (start >= heap.length) return;
    const member = heap[start] as number;
    let at = start;
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && this.#precedes(heap[child + 1] as number, heap[child] as number))
        child++;
      if (!this.#precedes(heap[child] as number, member)) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = member;
  }
}
