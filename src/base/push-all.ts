/**
 * Adds all items to the end of a list. `list.push(...items)` passes each as an argument, of which the stack takes no hundred
 * thousand.
 */
export function pushAll<Item>(list: Item[], items: Iterable<Item>): void {
  for (const item of items) list.push(item);
}
