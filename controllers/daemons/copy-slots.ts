import type { LayerIdentity } from '../../src/host/protocol.ts';

/** So many layers that no appliance waits for may go to a host at a time, and so many come from one. */
const MOST_COPIES = 2;

/** A layer that goes from one host to another. */
interface Transfer {
  readonly source: string;
  readonly target: string;
  /** Whether an appliance waits for it. */
  readonly isUrgent: boolean;
}

/**
 * The transfers that this operator asked for, in memory. Copies ahead of any use are few at a time for each host, and none begins where
 * an appliance waits for a layer.
 */
export class CopySlots {
  /** By `keyOf`. */
  readonly #transfers = new Map<string, Transfer>();

  /** A layer is asked for; the source is the one that is asked first. */
  begin(identity: LayerIdentity, transfer: Transfer): void {
    const key = keyOf(identity, transfer.target);
    const isUrgent = transfer.isUrgent || this.#transfers.get(key)?.isUrgent === true;
    this.#transfers.set(key, { ...transfer, isUrgent });
  }

  /** The layer is there, or is not on its way any more. */
  end(identity: LayerIdentity, target: string): void {
    this.#transfers.delete(keyOf(identity, target));
  }

  /** The host does not answer: nothing comes from it, and what it fetches it tells again. */
  lose(host: string): void {
    for (const [key, { source, target }] of this.#transfers)
      if (source === host || target === host) this.#transfers.delete(key);
  }

  /** Whether a copy of the layer may go that way now, or does already. */
  allows(identity: LayerIdentity, source: string, target: string): boolean {
    const own = keyOf(identity, target);
    const others = [...this.#transfers].flatMap(([key, transfer]) => (key === own ? [] : [transfer]));
    const isBusy = ({ isUrgent, ...ends }: Transfer) =>
      isUrgent && [ends.source, ends.target].some((end) => end === source || end === target);
    return (
      !others.some(isBusy) &&
      others.filter((transfer) => transfer.target === target).length < MOST_COPIES &&
      others.filter((transfer) => transfer.source === source).length < MOST_COPIES
    );
  }
}

function keyOf(identity: LayerIdentity, target: string): string {
  return `${target}/${identity}`;
}
