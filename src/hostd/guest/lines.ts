const newline = 0x0a;
const longestHeld = 1024;

/**
 * Cuts a byte stream into lines, without their line feeds; an unfinished last line is dropped. Throws when a line
 * grows beyond `limitBytes`, because the other end (a guest, say) is not trusted to ever end one.
 */
export async function* linesOf(
  source: AsyncIterable<Uint8Array>,
  limitBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const hold = (piece: Uint8Array): void => {
    held.push(piece);
    heldBytes += piece.length;
    if (heldBytes > limitBytes) throw new Error(`a line of more than ${limitBytes} bytes was received`);
    // Who sends byte by byte must not make the daemon hold an object for each.
    if (held.length >= longestHeld) held = [Buffer.concat(held)];
  };
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      hold(chunk.subarray(start, end));
      yield Buffer.concat(held);
      held = [];
      heldBytes = 0;
      start = end + 1;
    }
    hold(chunk.subarray(start));
  }
}
