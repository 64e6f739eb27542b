const MARK = '…';

/** The text if it has at most `bytes` bytes in UTF-8; else its beginning, whole characters only, and a mark, in that many bytes. */
export function clipped(text: string, bytes: number): string {
  // A character of UTF-16 has at least one byte, so that no long text is encoded as a whole.
  if (text.length <= bytes && Buffer.byteLength(text) <= bytes) return text;
  const room = Buffer.alloc(Math.max(0, bytes - Buffer.byteLength(MARK)));
  return room.toString('utf8', 0, room.write(text)) + MARK;
}

/** As {@link clipped}, but keeps the end. */
export function clippedStart(text: string, bytes: number): string {
  if (text.length <= bytes && Buffer.byteLength(text) <= bytes) return text;
  const end = Buffer.from(text.slice(-bytes));
  let from = Math.max(0, end.length - Math.max(0, bytes - Buffer.byteLength(MARK)));
  while (((end[from] ?? 0) & 0xc0) === 0x80) from += 1;
  return MARK + end.toString('utf8', from);
}
