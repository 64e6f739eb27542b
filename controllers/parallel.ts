/**
 * Runs `work` on every item, at most `width` at a time. An error does not stop the others: the first one is thrown at the end.
 */
export async function inParallel<Item>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) {
      try {
        await work(item);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
}

/** More requests at once would only wait for connections, until their deadlines pass. */
const LARGEST_GROUP = 64;

/**
 * Runs `work` on groups of items that double in size, as a ReplicaSet creates pods: if the first one is refused (a quota, an
 * invalid spec), hundreds are not tried in vain. Stops after the first group with an error and throws that error.
 */
export async function slowStart<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let size = 1;
  for (let at = 0; at < items.length; at += size, size = Math.min(2 * size, LARGEST_GROUP)) {
    const results = await Promise.allSettled(items.slice(at, at + size).map(work));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
