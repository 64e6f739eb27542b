/** The same bytes in pieces of exactly `size`, the last one shorter; nothing for an empty content. */
export async function* chunksOf(
  content: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const piece of content) {
    held.push(piece);
    heldBytes += piece.length;
    if (heldBytes < size) continue;
    const joined = Buffer.concat(held);
    const whole = joined.length - (joined.length % size);
    for (let start = 0; start < whole; start += size) yield joined.subarray(start, start + size);
    held = [joined.subarray(whole)];
    heldBytes = joined.length - whole;
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}
