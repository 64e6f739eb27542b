/** One message of a server-sent event stream: its data, and the id to resume after it. */
type StreamMessage = { readonly id: string; readonly data: string };

/**
 * Reads server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream.
 * An id lasts until the next one; comments (the daemon's heartbeats) and the event's name are left out.
 */
export async function* readEventStream(
  chunks: AsyncIterable<Uint8Array>,
  lastEventId: string,
): AsyncGenerator<StreamMessage> {
  let id = lastEventId;
  let data: string[] = [];
  for await (const line of linesOf(chunks)) {
    if (line === '') {
      if (data.length > 0) yield { id, data: data.join('\n') };
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') id = value;
    else if (field === 'data') data.push(value);
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
